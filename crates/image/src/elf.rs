//! What a binary says of itself.
//!
//! Owns: machine and whether it needs an interpreter, from the ELF header. Must not: run it.

use std::fmt;

/// What an image needs to know of a binary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binary {
    /// As Go names it.
    pub architecture: &'static str,
}

/// Why a binary cannot be the only file of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unfit {
    /// Not an ELF file of 64 bits and little-endian.
    NotElf,
    /// A machine that no name is known for.
    Machine(u16),
    /// It asks for a dynamic loader, and an empty image has none.
    Dynamic,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unfit::NotElf => {
                f.write_str("not a 64-bit little-endian ELF program; give the program itself, not a script")
            }
            Unfit::Machine(machine) => write!(
                f,
                "for machine {machine}, which has no image name here; build it for amd64, arm64 or riscv64"
            ),
            Unfit::Dynamic => f.write_str(
                "dynamically linked, and an image with nothing else in it has no loader; link it with \
                 `-C target-feature=+crt-static` and an explicit `--target`",
            ),
        }
    }
}

/// Looks at the header and the program headers.
pub fn inspect(bytes: &[u8]) -> Result<Binary, Unfit> {
    // ELF, 64 bits, little-endian.
    if !bytes.starts_with(b"\x7fELF\x02\x01") {
        return Err(Unfit::NotElf);
    }
    let two = |at: usize| {
        bytes.get(at..at + 2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).ok_or(Unfit::NotElf)
    };
    let architecture = match two(18)? {
        62 => "amd64",
        183 => "arm64",
        243 => "riscv64",
        other => return Err(Unfit::Machine(other)),
    };
    let offset = bytes
        .get(32..40)
        .and_then(|eight| eight.try_into().ok())
        .map(u64::from_le_bytes)
        .ok_or(Unfit::NotElf)?;
    let offset = usize::try_from(offset).map_err(|_| Unfit::NotElf)?;
    let (size, count) = (usize::from(two(54)?), usize::from(two(56)?));
    for number in 0..count {
        let at = number
            .checked_mul(size)
            .and_then(|distance| offset.checked_add(distance))
            .ok_or(Unfit::NotElf)?;
        let kind = at.checked_add(4).and_then(|end| bytes.get(at..end)).ok_or(Unfit::NotElf)?;
        // PT_INTERP
        if kind == 3_u32.to_le_bytes() {
            return Err(Unfit::Dynamic);
        }
    }
    Ok(Binary { architecture })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_test_is_dynamic_or_static_but_an_elf() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(matches!(inspect(&own), Ok(_) | Err(Unfit::Dynamic)));
    }

    #[test]
    fn junk_is_refused_without_a_panic() {
        assert_eq!(inspect(b"#!/bin/sh"), Err(Unfit::NotElf));
        let mut header = vec![0xff; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(inspect(&header), Err(Unfit::Machine(0xffff)));
        header[18..20].copy_from_slice(&[62, 0]);
        assert_eq!(inspect(&header), Err(Unfit::NotElf));
    }
}
