//! Somebody with access to the stored objects, but without the key.

use std::sync::Arc;

use bytes::Bytes;
use lake::{EncryptedStore, MasterKey};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt};

const HEADER: usize = 64;
const SEALED_CHUNK: usize = 16_384 + 16;

struct Attack {
    below: Arc<InMemory>,
    store: EncryptedStore,
    path: Path,
    plain: Bytes,
    /// Sealed bytes as they were written.
    sealed: Bytes,
}

impl Attack {
    async fn on(plain_len: usize) -> Self {
        let below = Arc::new(InMemory::new());
        let store = EncryptedStore::over(Arc::clone(&below) as Arc<dyn ObjectStore>, MasterKey::from_bytes([1; 32]));
        let path = Path::from("tables/a");
        let plain: Bytes = (0..plain_len).map(|i| (i * 31 + i / 257) as u8).collect::<Vec<_>>().into();
        store.put(&path, plain.clone().into()).await.unwrap();
        let sealed = below.get(&path).await.unwrap().bytes().await.unwrap();
        Self { below, store, path, plain, sealed }
    }

    /// Puts `bytes` in the object's place and tells how often reading the whole object succeeds, with and without its
    /// header at hand. Ranges are read meanwhile: each is either refused or gives the bytes that were written.
    async fn with(&self, bytes: impl Into<Bytes>) -> usize {
        self.store.get(&self.path).await.unwrap();
        self.below.put(&self.path, bytes.into().into()).await.unwrap();
        let mut n_opened = 0;
        for _ in 0..2 {
            let size = self.store.head(&self.path).await.map_or(1, |m| m.size.max(1));
            for range in [0..1, size - 1..size] {
                if let Ok(part) = self.store.get_range(&self.path, range.clone()).await {
                    let written = self.plain.slice(range.start as usize..range.end as usize);
                    assert_eq!(part, written, "what opens is genuine");
                }
                if let Ok(parts) = self.store.get_ranges(&self.path, std::slice::from_ref(&range)).await {
                    assert_eq!(parts, [self.plain.slice(range.start as usize..range.end as usize)]);
                }
            }
            if let Ok(found) = self.store.get(&self.path).await {
                n_opened += usize::from(found.bytes().await.is_ok());
            }
        }
        self.below.put(&self.path, self.sealed.clone().into()).await.unwrap();
        let original = self.store.get(&self.path).await.unwrap().bytes().await.unwrap();
        assert_eq!(original, self.plain, "the original still opens");
        n_opened
    }
}

const REFUSED: usize = 0;

#[tokio::test]
async fn a_shortened_object_is_refused() {
    let attack = Attack::on(3 * 16_384).await;
    for chunks in 0..3 {
        let at_chunk_end = HEADER + chunks * SEALED_CHUNK;
        for len in [at_chunk_end, at_chunk_end + 16, at_chunk_end + 100] {
            assert_eq!(attack.with(attack.sealed.slice(..len)).await, REFUSED, "{len}");
        }
    }
    assert_eq!(attack.with(Bytes::new()).await, REFUSED);
}

#[tokio::test]
async fn reordered_or_repeated_chunks_are_refused() {
    let attack = Attack::on(3 * 16_384).await;
    let (header, body) = attack.sealed.split_at(HEADER);
    let chunk = |i: usize| &body[i * SEALED_CHUNK..(i + 1) * SEALED_CHUNK];
    for order in [[2, 1, 0], [1, 0, 2], [0, 0, 0]] {
        let moved = [header, chunk(order[0]), chunk(order[1]), chunk(order[2])].concat();
        assert_eq!(attack.with(moved).await, REFUSED, "{order:?}");
    }
}

#[tokio::test]
async fn a_changed_header_is_refused() {
    let attack = Attack::on(100).await;
    for at in 0..HEADER {
        let mut changed = attack.sealed.to_vec();
        changed[at] ^= 1;
        assert_eq!(attack.with(changed).await, REFUSED, "byte {at}");
    }
}

#[tokio::test]
async fn swapped_objects_are_refused() {
    let attack = Attack::on(100).await;
    let other = Path::from("tables/b");
    attack.store.put(&other, vec![7; 100].into()).await.unwrap();
    let sealed_other = attack.below.get(&other).await.unwrap().bytes().await.unwrap();
    assert_eq!(attack.with(sealed_other).await, REFUSED);
    // The store below copies and renames as anybody with access to it could.
    attack.below.copy(&attack.path, &Path::from("tables/c")).await.unwrap();
    assert!(attack.store.get(&Path::from("tables/c")).await.is_err());
}

#[tokio::test]
async fn another_key_opens_nothing_and_says_so() {
    let attack = Attack::on(100).await;
    let other = EncryptedStore::over(Arc::clone(&attack.below) as Arc<dyn ObjectStore>, MasterKey::from_bytes([2; 32]));
    let refused = other.get(&attack.path).await.unwrap_err();
    let mut source: Option<&dyn std::error::Error> = Some(&refused);
    let mut texts = Vec::new();
    while let Some(error) = source {
        texts.push(error.to_string());
        source = error.source();
    }
    assert!(texts.iter().any(|t| t.contains("is wrapped by another key-encryption key")), "{texts:?}");
}

#[tokio::test]
async fn what_is_no_sealed_object_is_refused() {
    let attack = Attack::on(100).await;
    assert_eq!(attack.with(vec![b'x'; 500]).await, REFUSED);
    assert_eq!(attack.with("{\"version\":1}").await, REFUSED);
}
