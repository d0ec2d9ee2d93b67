//! Compression on the fly, for pages without a precompressed sibling.
//!
//! Owns: levels. Must not: decide whether to compress.

use std::io::Write;

use flate2::{Compression, GzBuilder};

use crate::http::accept::Coding;

/// Codings that can be made. Zstandard is not: brotli is as widely understood, smaller at this speed, and without C.
pub const MADE: [Coding; 2] = [Coding::Brotli, Coding::Gzip];

/// The compressed form, if it is smaller by more than its fields cost.
pub fn compress(coding: Coding, content: &[u8]) -> Option<Vec<u8>> {
    let made = match coding {
        Coding::Brotli => brotli(content),
        Coding::Gzip => gzip(content),
        Coding::Zstd | Coding::Identity => return None,
    }?;
    (made.len() + 64 < content.len()).then_some(made)
}

/// Quality 5: most of the gain, at tens of megabytes a second; made once and kept.
fn brotli(content: &[u8]) -> Option<Vec<u8>> {
    let params =
        brotli::enc::BrotliEncoderParams { quality: 5, size_hint: content.len(), ..Default::default() };
    let mut made = Vec::with_capacity(content.len() / 3);
    brotli::BrotliCompress(&mut &content[..], &mut made, &params).ok()?;
    Some(made)
}

fn gzip(content: &[u8]) -> Option<Vec<u8>> {
    // No name and no time: the same content gives the same bytes.
    let mut writer = GzBuilder::new().write(Vec::with_capacity(content.len() / 3), Compression::new(6));
    writer.write_all(content).ok()?;
    writer.finish().ok()
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;

    #[test]
    fn what_is_made_can_be_read_again_and_what_does_not_shrink_is_left() {
        let text = b"the same words again and again, ".repeat(40);
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*compress(Coding::Gzip, &text).unwrap())
            .read_to_end(&mut read)
            .unwrap();
        assert_eq!(read, text);
        read.clear();
        brotli::BrotliDecompress(&mut &*compress(Coding::Brotli, &text).unwrap(), &mut read).unwrap();
        assert_eq!(read, text);
        assert_eq!(compress(Coding::Gzip, b"short"), None);
    }
}
