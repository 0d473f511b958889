//! The vectors of the standards.

use super::*;

fn bytes(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn key(text: &str) -> [u8; KEY_BYTES] {
    let mut key = [0xa5; KEY_BYTES];
    key.iter_mut().zip(bytes(text)).for_each(|(to, from)| *to = from);
    key
}

struct Vector {
    suite: Suite,
    key: &'static str,
    nonce: &'static str,
    associated: &'static str,
    plain: &'static str,
    sealed: &'static str,
    tag: &'static str,
}

/// RFC 8998, appendix A.1, and the 16th test case of the specification of GCM (McGrew and Viega).
const SEALED: [Vector; 2] = [
    Vector {
        suite: SM4_GCM,
        key: "0123456789ABCDEFFEDCBA9876543210",
        nonce: "00001234567800000000ABCD",
        associated: "FEEDFACEDEADBEEFFEEDFACEDEADBEEFABADDAD2",
        plain: "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBBCCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD\
                EEEEEEEEEEEEEEEEFFFFFFFFFFFFFFFFEEEEEEEEEEEEEEEEAAAAAAAAAAAAAAAA",
        sealed: "17F399F08C67D5EE19D0DC9969C4BB7D5FD46FD3756489069157B282BB200735\
                 D82710CA5C22F0CCFA7CBF93D496AC15A56834CBCF98C397B4024A2691233B8D",
        tag: "83DE3541E4C2B58177E065A9BF7B62EC",
    },
    Vector {
        suite: AES_256_GCM,
        key: "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
        nonce: "cafebabefacedbaddecaf888",
        associated: "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        plain: "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72\
                1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        sealed: "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa\
                 8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
        tag: "76fc6ece0f4e1768cddf8853bb2d551b",
    },
];

#[test]
fn the_ciphers_give_what_their_standards_say() {
    for vector in SEALED {
        let cipher = vector.suite.cipher(&key(vector.key));
        let nonce: [u8; NONCE_BYTES] = bytes(vector.nonce).try_into().unwrap();
        let (associated, mut text) = (bytes(vector.associated), bytes(vector.plain));
        let tag = cipher.seal(&nonce, &associated, &mut text).unwrap();
        assert_eq!((&text, tag.to_vec()), (&bytes(vector.sealed), bytes(vector.tag)), "{}", vector.suite.name());
        assert!(cipher.open(&nonce, &associated, &mut text, &tag));
        assert_eq!(text, bytes(vector.plain));
        let mut changed = bytes(vector.sealed);
        changed[7] ^= 1;
        assert!(!cipher.open(&nonce, &associated, &mut changed, &tag));
        assert!(!cipher.open(&nonce, &associated[1..], &mut bytes(vector.sealed), &tag));
    }
}

#[test]
fn the_vectorized_cipher_is_the_one_of_the_definition() {
    let (fast, slow) = (AES_256_GCM.cipher(&[3; KEY_BYTES]), Definition::NEW.cipher(&[3; KEY_BYTES]));
    for n_bytes in (0..70).chain([255, 256, 257, 4_095, 4_096, 16_384, 65_537]) {
        let plain: Vec<u8> = (0..n_bytes).map(|i| (i * 31 % 251) as u8).collect();
        let (nonce, associated) = ([n_bytes as u8; NONCE_BYTES], &plain[..n_bytes.min(37)]);
        let (mut one, mut other) = (plain.clone(), plain.clone());
        let tags =
            (fast.seal(&nonce, associated, &mut one).unwrap(), slow.seal(&nonce, associated, &mut other).unwrap());
        assert_eq!((&one, tags.0), (&other, tags.1), "{n_bytes} bytes");
        assert!(fast.open(&nonce, associated, &mut other, &tags.1) && slow.open(&nonce, associated, &mut one, &tags.0));
        assert!(one == plain && other == plain);
    }
}

#[test]
fn the_block_cipher_is_that_of_gbt_32907() {
    use aes_gcm::aes::cipher::BlockCipherEncrypt as _;
    let cipher = Sm4::new_from_slice(&bytes("0123456789abcdeffedcba9876543210")).unwrap();
    let mut block = sm4::cipher::Array::try_from(bytes("0123456789abcdeffedcba9876543210").as_slice()).unwrap();
    cipher.encrypt_block(&mut block);
    assert_eq!(block.as_slice(), bytes("681edf34d206965e86b3e94f536e4246"));
}

#[test]
fn the_hash_is_that_of_gbt_32905() {
    use sm3::Digest as _;
    let digest = Sm3::digest(b"abc");
    assert_eq!(digest.as_slice(), bytes("66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"));
}

#[test]
fn hmac_is_that_of_rfc_2104() {
    // RFC 4231, test case 2, has the key "Jefe"; HMAC fills short keys with zeros.
    let mut jefe = [0; KEY_BYTES];
    jefe[..4].copy_from_slice(b"Jefe");
    let code = AES_256_GCM.mac(&jefe, &[b"what do ya want ", b"for nothing?"]);
    assert_eq!(code.to_vec(), bytes("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"));
    // The definition, with the hash of GB/T 32905.
    use sm3::Digest as _;
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|i| jefe.get(i).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sm3::digest([pad(0x36), b"text".to_vec()].concat());
    let outer = Sm3::digest([pad(0x5c), inner.to_vec()].concat());
    assert_eq!(SM4_GCM.mac(&jefe, &[b"text"]).as_slice(), outer.as_slice());
}

#[test]
fn keys_are_derived_as_in_rfc_5869() {
    // With a secret of the right length the vectors of the RFC cannot be used: T(1) = HMAC(HMAC(salt, secret), info, 1).
    for suite in SUITES {
        let salt = [9; KEY_BYTES];
        let pseudo_random = suite.mac(&salt, &[&[7; KEY_BYTES]]);
        let expected = suite.mac(&pseudo_random, &[b"purpose", &[1]]);
        assert_eq!(*suite.derive(&salt, &[7; KEY_BYTES], &[b"pur", b"pose"]), expected, "{}", suite.name());
    }
}

#[test]
fn suites_are_found_by_number_and_name() {
    for suite in SUITES {
        assert_eq!(suite_of(suite.id()).unwrap().name(), suite.name());
        assert_eq!(suite_named(suite.name()).unwrap().id(), suite.id());
    }
    assert!(suite_of(0).is_none() && suite_of(3).is_none() && suite_named("rot13").is_none());
    assert_eq!((suite_of(1).unwrap().name(), suite_of(2).unwrap().name()), ("aes-256-gcm", "sm4-gcm"));
}
