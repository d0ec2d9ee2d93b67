//! The hash by which k3s's tokens name a cluster's certificate authority.
//!
//! One certificate: the SHA-256 of the file. Several (an authority of the user's own): the SHA-256 of the DER of the
//! root that the first one leads to (k3s, `pkg/clientaccess`).

use base64::{Engine, prelude::BASE64_STANDARD};
use model::digest::Sha256;

/// The hash of a PEM file.
pub(super) fn hash(pem: &[u8]) -> Sha256 {
    let certificates = certificates(pem);
    match certificates.as_slice() {
        [first, _, ..] => Sha256::of(root_of(first, &certificates)),
        _ => Sha256::of(pem),
    }
}

fn certificates(pem: &[u8]) -> Vec<Vec<u8>> {
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    blocks
        .filter_map(|block| {
            let body: String = block.split("-----END").next()?.split_whitespace().collect();
            BASE64_STANDARD.decode(body).ok()
        })
        .collect()
}

/// Follows issuers until a certificate that issued itself, or that nobody here issued.
fn root_of<'a>(first: &'a Vec<u8>, all: &'a [Vec<u8>]) -> &'a [u8] {
    let mut current = first;
    for _ in all {
        let Some((issuer, subject)) = names(current) else { break };
        let next = all.iter().find(|other| names(other).is_some_and(|(_, subject)| subject == issuer));
        match next {
            Some(next) if issuer != subject => current = next,
            _ => break,
        }
    }
    current
}

/// Issuer and subject of a certificate, as they are encoded. `Certificate ::= SEQUENCE { SEQUENCE { [0] version,
/// serial, algorithm, issuer, validity, subject, … } … }` (RFC 5280, 4.1).
fn names(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (_, certificate, _) = element(der)?;
    let (_, mut rest, _) = element(certificate)?;
    if rest.first() == Some(&0xa0) {
        rest = element(rest)?.2;
    }
    let rest = element(element(rest)?.2)?.2;
    let (issuer, _, rest) = element(rest)?;
    let (subject, _, _) = element(element(rest)?.2)?;
    Some((issuer, subject))
}

/// The first element of some DER: the whole of it, its content, and what follows.
fn element(der: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let short = usize::from(*der.get(1)?);
    let (start, length) = if short < 0x80 {
        (2, short)
    } else {
        let bytes = der.get(2..2 + (short & 0x7f))?;
        if bytes.len() > 4 {
            return None;
        }
        (2 + bytes.len(), bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)))
    };
    let end = start.checked_add(length)?;
    Some((der.get(..end)?, der.get(start..end)?, der.get(end..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    // Certificates without a use, made for these tests; the hashes are those that k3s tokens carry for them.
    const SELF_SIGNED: &[u8] = include_bytes!("../../tests/data/self-signed-ca.pem");
    const CUSTOM: &[u8] = include_bytes!("../../tests/data/custom-ca.pem");

    #[test]
    fn a_single_certificate_is_hashed_as_its_file() {
        let expected = "02d5e9bb2af4ee9e8dde8322d86c6316824389a34774b4bc482392042a81bd8d";
        assert_eq!(hash(SELF_SIGNED).as_str(), expected);
    }

    #[test]
    fn a_chain_is_hashed_as_its_root() {
        let expected = "283948f4eb54bd6fe5dd4ca34b5945d10095a83f22599177e94e702803281e43";
        assert_eq!(hash(CUSTOM).as_str(), expected);
    }

    #[test]
    fn broken_certificates_are_hashed_all_the_same() {
        for end in 0..CUSTOM.len() {
            hash(&CUSTOM[..end]);
            hash(&[&CUSTOM[..end], b"AAAA", CUSTOM].concat());
        }
    }
}
