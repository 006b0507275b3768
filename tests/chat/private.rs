//! Private conversations: the server adds and cannot read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;
use sotto::chat::vaults::{Adopted, Adoption, Identity, NewPrivate, Vault, VaultError};
use sotto::chat::{ChatError, Chats, Tier, Use};
use sotto::pipeline::history::Role;
use sotto::vault::key::Key;
use sotto::vault::record::{Binding, kind, seal, wrap_key};
use sotto::vault::sealed::{IdentityPublic, open_sealed};

use super::keeping::item;
use crate::support::database;

const ID: &str = "conv_00112233445566778899aabbccddeeff";

/// What a browser does: a vault with an identity whose private key only it has.
async fn set_up(chats: &Chats) -> Key {
    let private = Key::random().unwrap();
    let public = IdentityPublic::of(&private).unwrap();
    let identity = Identity {
        public: BASE64.encode(public.to_bytes()),
        wrapped: BASE64.encode(b"only the browser can open this"),
    };
    let slots = vec![
        json!({ "id": "slot_1", "kind": "passphrase" }),
        json!({ "id": "slot_2", "kind": "recovery" }),
    ];
    let vault = Vault { identity: Some(identity), slots };
    chats.set_up_vault("ann", vault.clone()).await.unwrap();
    let again = chats.set_up_vault("ann", vault).await;
    assert!(matches!(again, Err(VaultError::Exists)));
    private
}

fn new_conversation(amk: &Key) -> (NewPrivate, Key) {
    let key = Key::random().unwrap();
    let place = Binding::ConversationKey { owner: "ann", conversation: ID, tier: "private" };
    let wrap = wrap_key(amk, 1, &place, &key).unwrap();
    let meta = seal(&key, 1, &Binding::Meta { conversation: ID }, b"{\"v\":1}").unwrap();
    let new = NewPrivate { id: ID.to_owned(), key: BASE64.encode(wrap), meta: BASE64.encode(meta) };
    (new, key)
}

#[tokio::test]
async fn what_is_said_is_sealed_to_the_person_and_adopted_by_the_browser() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        let amk = Key::random().unwrap();
        let (new, key) = new_conversation(&amk);
        let early = chats.create_private("ann", new.clone()).await;
        assert!(matches!(early, Err(ChatError::NoVault)));
        let private = set_up(&chats).await;
        let summary = chats.create_private("ann", new).await.unwrap();
        assert_eq!((summary.tier, summary.title), (Tier::Private, None));
        let mut writer = chats.writer("ann", ID, Use::Call).await.unwrap();
        assert_eq!(writer.append(&item("item_0", Role::User, "Secret words")).await.unwrap(), 1);
        assert_eq!(writer.append(&item("item_1", Role::Assistant, "Kept")).await.unwrap(), 2);
        assert!(writer.earlier().await.unwrap().is_empty(), "the server cannot read them");
        drop(writer);
        let opened = chats.open("ann", ID, None, 10).await.unwrap();
        let records: Vec<Vec<u8>> = opened
            .items
            .iter()
            .map(|item| {
                assert!(item.text.is_none());
                BASE64.decode(item.record.as_ref().unwrap()).unwrap()
            })
            .collect();
        let place =
            Binding::SealedMessage { conversation: ID, item: "item_0", seq: 1, role: "user" };
        let content = open_sealed(&private, &place, &records[0]).unwrap();
        let content: serde_json::Value = serde_json::from_slice(&content).unwrap();
        assert_eq!(content["text"], "Secret words", "{}", at.name);
        // The browser adopts it.
        let place = Binding::Message { conversation: ID, item: "item_0", seq: 1, role: "user" };
        let record = seal(&key, 1, &place, content.to_string().as_bytes()).unwrap();
        let meta = seal(&key, 1, &Binding::Meta { conversation: ID }, b"{\"v\":1}").unwrap();
        let adoption = Adoption {
            meta: BASE64.encode(&meta),
            items: vec![Adopted { seq: 1, record: BASE64.encode(&record) }],
            key: None,
        };
        chats.adopt("ann", ID, adoption.clone()).await.unwrap();
        let opened = chats.open("ann", ID, None, 10).await.unwrap();
        assert_eq!(opened.items[0].record.as_ref().unwrap(), &BASE64.encode(&record));
        assert_eq!(opened.conversation.sealed.unwrap().meta, BASE64.encode(&meta));
        // Nothing is lost to a wrong adoption: none of it is taken.
        let mut wrong = adoption.clone();
        wrong.items[0].seq = 9;
        assert!(matches!(chats.adopt("ann", ID, wrong).await, Err(ChatError::NoItem)));
        let again = chats.adopt("ann", ID, adoption.clone()).await;
        assert!(matches!(again, Err(ChatError::Contended)), "another browser was quicker");
        let mut wrong = adoption;
        wrong.items[0] = Adopted { seq: 2, record: BASE64.encode(&records[0]) };
        assert_eq!(kind(&records[0]).unwrap() as u8, 8);
        assert!(matches!(chats.adopt("ann", ID, wrong).await, Err(ChatError::Invalid { .. })));
        // The server neither renames nor exports it.
        let refused = chats.update("ann", ID, sotto::chat::Settings::default()).await;
        assert!(matches!(refused, Err(ChatError::OnlyInBrowser)));
        assert!(matches!(chats.export("ann", Some(ID)).await, Err(ChatError::OnlyInBrowser)));
        assert!(chats.search("ann", "secret").await.unwrap().is_empty());
    }
}

#[tokio::test]
async fn the_last_ways_into_a_vault_stay() {
    for at in database::all().await {
        at.person("ann").await;
        let chats = at.chats();
        set_up(&chats).await;
        for id in ["slot_1", "slot_2"] {
            let refused = chats.delete_slot("ann", id).await;
            assert!(matches!(refused, Err(VaultError::LastSlot)), "{} {id}", at.name);
        }
        let slot = json!({ "id": "slot_3", "kind": "passphrase", "kdf": { "m": 65536 } });
        chats.put_slot("ann", "slot_3", &slot).await.unwrap();
        chats.delete_slot("ann", "slot_1").await.unwrap();
        let vault = chats.vault("ann").await.unwrap();
        assert_eq!(vault.slots.len(), 2);
        assert!(vault.slots.contains(&slot));
        assert!(matches!(chats.delete_slot("ann", "slot_1").await, Err(VaultError::NoSlot)));
        let other = json!({ "id": "slot_3", "kind": "recovery" });
        assert!(chats.put_slot("ann", "slot_3", &other).await.is_err(), "a kind stays");
    }
}

#[tokio::test]
async fn a_vault_needs_both_ways_and_a_key_that_can_be_sealed_to() {
    let at = database::sqlite().await;
    at.person("ann").await;
    let chats = at.chats();
    let identity = |bytes: [u8; 32]| {
        Some(Identity { public: BASE64.encode(bytes), wrapped: BASE64.encode(b"x") })
    };
    let passphrase = json!({ "id": "a", "kind": "passphrase" });
    let recovery = json!({ "id": "b", "kind": "recovery" });
    let good = IdentityPublic::of(&Key::random().unwrap()).unwrap().to_bytes();
    for vault in [
        Vault { identity: None, slots: vec![passphrase.clone(), recovery.clone()] },
        Vault { identity: identity(good), slots: vec![passphrase.clone()] },
        Vault { identity: identity(good), slots: vec![recovery.clone()] },
        Vault { identity: identity([0; 32]), slots: vec![passphrase.clone(), recovery.clone()] },
    ] {
        assert!(matches!(chats.set_up_vault("ann", vault).await, Err(VaultError::Chat(_))));
    }
    assert!(chats.vault("ann").await.unwrap().identity.is_none());
}
