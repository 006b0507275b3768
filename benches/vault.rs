//! Sealing and opening on one core: `cargo bench --bench vault`.
//!
//! Throughput counts what people said, not the padding: 1 KiB of content is 1280 bytes in the cipher.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use sotto::vault::key::Key;
use sotto::vault::record::{Binding, open, seal, unwrap_key, wrap_key};
use sotto::vault::sealed::{IdentityPublic, open_sealed, seal_to};

const CONVERSATION: &str = "conv_00112233445566778899aabbccddeeff";
const MESSAGE: Binding<'_> = Binding::Message {
    conversation: CONVERSATION,
    item: "item_00112233445566778899aabbccddeeff",
    seq: 12,
    role: "assistant",
};
const SEALED: Binding<'_> = Binding::SealedMessage {
    conversation: CONVERSATION,
    item: "item_00112233445566778899aabbccddeeff",
    seq: 12,
    role: "assistant",
};
const WRAP: Binding<'_> = Binding::ConversationKey {
    owner: "person_00112233445566778899aabbccddeeff",
    conversation: CONVERSATION,
    tier: "standard",
};

fn records(c: &mut Criterion) {
    let Ok(key) = Key::random() else { return };
    let mut group = c.benchmark_group("records");
    for (name, size) in [("200 B", 200), ("1 KiB", 1024), ("16 KiB", 16_000)] {
        let content = vec![b'a'; size];
        let Ok(record) = seal(&key, 1, &MESSAGE, &content) else { return };
        group.throughput(Throughput::Bytes(size as u64));
        group.bench_function(format!("seal {name}"), |b| {
            b.iter(|| seal(&key, 1, &MESSAGE, black_box(&content)));
        });
        group.bench_function(format!("open {name}"), |b| {
            b.iter(|| open(&key, &MESSAGE, black_box(&record)));
        });
    }
}

fn identities(c: &mut Criterion) {
    let Ok(private) = Key::random() else { return };
    let Ok(public) = IdentityPublic::of(&private) else { return };
    let content = [b'a'; 1024];
    let Ok(record) = seal_to(&public, &SEALED, &content) else { return };
    let mut group = c.benchmark_group("identities");
    group.bench_function("seal 1 KiB", |b| {
        b.iter(|| seal_to(&public, &SEALED, black_box(&content)));
    });
    group.bench_function("open 1 KiB", |b| {
        b.iter(|| open_sealed(&private, &SEALED, black_box(&record)));
    });
}

fn keys(c: &mut Criterion) {
    let (Ok(by), Ok(key)) = (Key::random(), Key::random()) else { return };
    let Ok(wrapped) = wrap_key(&by, 1, &WRAP, &key) else { return };
    let mut group = c.benchmark_group("keys");
    group.bench_function("wrap", |b| b.iter(|| wrap_key(&by, 1, &WRAP, black_box(&key))));
    group.bench_function("unwrap", |b| b.iter(|| unwrap_key(&by, &WRAP, black_box(&wrapped))));
    group.bench_function("derive", |b| b.iter(|| by.derive(black_box("session-hash"))));
}

criterion_group!(benches, records, identities, keys);
criterion_main!(benches);
