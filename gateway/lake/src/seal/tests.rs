use super::*;
use crate::MasterKey;
use crate::suite::{AES_256_GCM, SM4_GCM, SUITES, Suite};

const PATH: &str = "tables/unified/person/part-0.parquet";
const BULK: Chunking = Chunking::BULK;
const CHUNK: u64 = 1 << 14;
const SEALED_CHUNK: u64 = CHUNK + 16;
const C: usize = CHUNK as usize;

fn key_in(suite: Suite) -> DataKey {
    DataKey { id: [3; 8], key: MasterKey::from_bytes([9; 32]).derive_in(suite, "objects") }
}

fn key() -> DataKey {
    key_in(AES_256_GCM)
}

fn text(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn seal(plain: &[u8]) -> Vec<u8> {
    Sealer::seal_all(&key(), PATH, [plain]).unwrap()
}

fn cipher(sealed: &[u8], path: &str, key: &DataKey) -> Result<ObjectCipher, SealFault> {
    ObjectCipher::new(Header::parse(sealed, path)?, key, path)
}

fn open(sealed: &[u8], path: &str) -> Result<Vec<u8>, SealFault> {
    open_with(sealed, path, &key())
}

fn open_with(sealed: &[u8], path: &str, key: &DataKey) -> Result<Vec<u8>, SealFault> {
    let cipher = cipher(sealed, path, key)?;
    let chunking = cipher.chunking();
    let plain = chunking.plain_len(sealed.len() as u64).ok_or(SealFault::Length)?;
    let mut body = sealed[HEADER as usize..].to_vec();
    cipher.open_chunks(0, chunking.n_chunks(plain), &mut body)?;
    assert_eq!(body.len() as u64, plain, "the length is known before the content");
    Ok(body)
}

const LENGTHS: [usize; 9] = [0, 1, 100, C - 1, C, C + 1, 2 * C, 2 * C + 17, 5 * C - 1];

#[test]
fn what_was_sealed_opens_again() {
    for len in LENGTHS {
        let plain = text(len);
        let sealed = seal(&plain);
        assert_eq!(BULK.plain_len(sealed.len() as u64), Some(len as u64));
        assert_eq!(open(&sealed, PATH).unwrap(), plain, "{len}");
    }
}

#[test]
fn the_pieces_it_comes_in_do_not_matter() {
    let plain = text(3 * C + 5);
    for piece in [1000, C - 1, C, C + 1, 4 * C] {
        let sealed = Sealer::seal_all(&key(), PATH, plain.chunks(piece)).unwrap();
        assert_eq!(open(&sealed, PATH).unwrap(), plain, "{piece}");
    }
}

#[test]
fn equal_content_never_looks_equal() {
    let (a, b) = (seal(b"same"), seal(b"same"));
    assert_ne!(a[16..48], b[16..48], "salt");
    assert_ne!(a[64..], b[64..], "content");
}

#[test]
fn a_path_is_part_of_the_seal() {
    assert_eq!(open(&seal(b"x"), "tables/unified/house/part-0.parquet"), Err(SealFault::Changed));
}

#[test]
fn any_flipped_bit_is_noticed() {
    let sealed = seal(&text(C + 100));
    let header = 0..HEADER as usize;
    let edges = [HEADER as usize, HEADER as usize + C, HEADER as usize + C + 16, sealed.len() - 17, sealed.len() - 1];
    for at in header.chain(edges) {
        let mut changed = sealed.clone();
        changed[at] ^= 0x10;
        assert!(open(&changed, PATH).is_err(), "byte {at}");
    }
}

#[test]
fn any_shortened_object_is_noticed() {
    let sealed = seal(&text(2 * C + 100));
    let s = SEALED_CHUNK as usize;
    let h = HEADER as usize;
    for len in [0, 1, h - 1, h, h + 1, h + 16, h + s - 1, h + s, h + s + 1, h + s + 16, h + 2 * s, sealed.len() - 1] {
        assert!(open(&sealed[..len], PATH).is_err(), "{len}");
    }
    let mut longer = sealed.clone();
    longer.push(0);
    assert!(open(&longer, PATH).is_err());
}

#[test]
fn chunks_cannot_change_places() {
    let sealed = seal(&text(3 * C));
    let s = SEALED_CHUNK as usize;
    let (header, body) = sealed.split_at(HEADER as usize);
    let chunk = |i: usize| &body[i * s..(i + 1) * s];
    for order in [[1, 0, 2], [0, 2, 1], [0, 0, 2], [2, 1, 0]] {
        let moved: Vec<u8> = [header, chunk(order[0]), chunk(order[1]), chunk(order[2])].concat();
        assert_eq!(open(&moved, PATH), Err(SealFault::Changed), "{order:?}");
    }
}

#[test]
fn a_chunk_of_another_object_does_not_fit() {
    let (a, b) = (seal(&text(2 * C)), seal(&text(2 * C)));
    let cut = (HEADER + SEALED_CHUNK) as usize;
    assert_eq!(open(&[&a[..cut], &b[cut..]].concat(), PATH), Err(SealFault::Changed));
    // Not even with the other object's header before it.
    assert_eq!(open(&[&b[..64], &a[64..]].concat(), PATH), Err(SealFault::Changed));
}

#[test]
fn a_header_names_key_and_suite_and_both_have_to_fit() {
    let sealed = seal(b"x");
    let other = DataKey { id: [4; 8], key: key().key };
    assert_eq!(open_with(&sealed, PATH, &other), Err(SealFault::Changed));
    assert_eq!(open_with(&sealed, PATH, &key_in(SM4_GCM)), Err(SealFault::Changed));
    assert_eq!(Header::parse(&sealed, PATH).unwrap().key_id(), &[3; 8]);
    assert_eq!(open(&[0; 64], PATH), Err(SealFault::NotSealed));
    assert_eq!(open(&sealed[..63], PATH), Err(SealFault::NotSealed));
}

#[test]
fn both_suites_seal() {
    let plain = text(2 * C + 9);
    for suite in SUITES {
        let sealed = Sealer::seal_all(&key_in(suite), PATH, [plain.as_slice()]).unwrap();
        assert_eq!(sealed[55], suite.id());
        assert_eq!(open_with(&sealed, PATH, &key_in(suite)).unwrap(), plain);
        let mut changed = sealed.clone();
        changed[20_000] ^= 1;
        assert_eq!(open_with(&changed, PATH, &key_in(suite)), Err(SealFault::Changed));
        changed[55] = 3 - suite.id();
        assert_eq!(open_with(&changed, PATH, &key_in(suite)), Err(SealFault::Changed));
    }
}

#[test]
fn an_index_is_cut_into_small_chunks() {
    let path = "index/unified/person/a.records";
    for len in [0, 1, 4095, 4096, 4097, 70_000] {
        let sealed = Sealer::seal_all(&key(), path, [text(len).as_slice()]).unwrap();
        assert_eq!(sealed.len(), 64 + len + 16 * len.div_ceil(4096).max(1));
        assert_eq!(open(&sealed, path).unwrap(), text(len));
        assert!(open(&sealed, PATH).is_err(), "an object of another place");
    }
}

#[test]
fn lengths_no_sealing_gives_are_refused() {
    let at_least = HEADER + TAG;
    for bad in
        [0, 63, 64, at_least - 1, HEADER + SEALED_CHUNK + 1, HEADER + SEALED_CHUNK + 15, HEADER + SEALED_CHUNK + 16]
    {
        assert_eq!(BULK.plain_len(bad), None, "{bad}");
    }
    assert_eq!(BULK.plain_len(at_least), Some(0));
    assert_eq!(BULK.plain_len(HEADER + SEALED_CHUNK), Some(CHUNK));
    assert_eq!(BULK.plain_len(HEADER + SEALED_CHUNK + 17), Some(CHUNK + 1));
}

#[test]
fn a_range_touches_only_its_chunks() {
    assert_eq!(BULK.chunks_of(&(0..1)), 0..1);
    assert_eq!(BULK.chunks_of(&(0..CHUNK)), 0..1);
    assert_eq!(BULK.chunks_of(&(0..CHUNK + 1)), 0..2);
    assert_eq!(BULK.chunks_of(&(CHUNK..CHUNK + 1)), 1..2);
    assert_eq!(BULK.chunks_of(&(CHUNK - 1..3 * CHUNK)), 0..3);
    assert_eq!(BULK.chunks_of(&(0..0)), 0..1);
    assert_eq!(BULK.sealed_range(&(1..2), 1 << 30), HEADER + SEALED_CHUNK..HEADER + 2 * SEALED_CHUNK);
    assert_eq!(
        BULK.sealed_range(&(1..9), HEADER + SEALED_CHUNK + 50),
        HEADER + SEALED_CHUNK..HEADER + SEALED_CHUNK + 50
    );
}

#[test]
fn pieces_can_be_taken_while_sealing() {
    let plain = text(4 * C);
    let mut sealer = Sealer::new(&key(), PATH).unwrap();
    let mut parts = Vec::new();
    for piece in plain.chunks(30_000) {
        sealer.push(piece).unwrap();
        while let Some(part) = sealer.take(50_000) {
            assert_eq!(part.len(), 50_000);
            parts.extend(part);
        }
    }
    parts.extend(sealer.finish().unwrap());
    assert_eq!(open(&parts, PATH).unwrap(), plain);
}
