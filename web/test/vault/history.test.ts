import { describe, expect, test } from 'vitest';
import type { SealedItem } from '../../src/contract';
import { base64, fromBase64, random, utf8 } from '../../src/vault/bytes';
import { newPairBytes } from '../../src/vault/keys';
import { bind, generationOf, Kind, kindOf, sealTo } from '../../src/vault/record';
import { conversation, memory, PASSPHRASE, refused, setUp, state, vaultOf } from './support';

const said = ['When is low water?', 'At six.', 'And high water?', 'A little after noon.'];

/** A conversation whose items were all taken over. */
async function adopted(options = {}) {
  const { server, vault } = await setUp(options);
  const { id, summary, items } = await conversation(server, vault, ...said);
  expect(await vault.open.history.adopt(summary, items)).toEqual({ adopted: 4, problems: [] });
  const again = async () => {
    const now = await state(server, id);
    return vault.open.history.adopt(now.summary, now.items);
  };
  return { server, vault, id, again };
}

function swap(items: SealedItem[], a: number, b: number): void {
  const [one, other] = [items[a]!.record, items[b]!.record];
  items[a]!.record = other;
  items[b]!.record = one;
}

describe('reading', () => {
  test('what the server sealed is flagged until it is taken over', async () => {
    const { server, vault } = await setUp();
    const { id, summary, items } = await conversation(server, vault, ...said);
    const { vault: open, history } = vault.open;
    expect(await open.meta(summary)).toMatchObject({ title: 'Tides', title_by: 'person' });
    expect(await open.item(summary, items[0]!)).toMatchObject({ text: said[0], via: 'voice', status: 'completed', unconfirmed: true });
    await history.adopt(summary, items);
    const after = await state(server, id);
    expect(after.items.map(({ record }) => kindOf(fromBase64(record)))).toEqual([1, 1, 1, 1]);
    expect(await open.item(after.summary, after.items[1]!)).toMatchObject({ text: said[1], unconfirmed: false });
  });

  test('what is taken over is sealed as it was, also what the page does not know', async () => {
    const { server, vault } = await setUp();
    const { id } = await conversation(server, vault);
    await server.says(id, 'assistant', 'At six.', { model: 'gemma', later: { field: 1 } });
    const { summary, items } = await state(server, id);
    await vault.open.history.adopt(summary, items);
    const now = await state(server, id);
    const plaintext = await vault.open.vault.plaintext(now.summary, now.items[0]!);
    expect(JSON.parse(new TextDecoder().decode(plaintext))).toMatchObject({ model: 'gemma', audio_ms: 900, later: { field: 1 } });
  });

  test('another browser of the person reads it all', async () => {
    const { server, id } = await adopted();
    const other = vaultOf(server);
    await other.unlock({ passphrase: PASSPHRASE });
    const { summary, items } = await state(server, id);
    expect(await other.open.history.adopt(summary, items)).toEqual({ adopted: 0, problems: [] });
    expect((await other.open.vault.item(summary, items[3]!)).text).toBe(said[3]);
  });

  test('only the last page was downloaded: the rest is fetched', async () => {
    const { server, vault } = await setUp();
    const { id, summary } = await conversation(server, vault, ...Array.from({ length: 120 }, (_, i) => `turn ${i}`));
    const { items } = await server.conversation(id, null);
    expect(items).toHaveLength(50);
    expect(await vault.open.history.adopt(summary, items)).toEqual({ adopted: 120, problems: [] });
  });

  test('many are taken over in several requests, each whole in itself', async () => {
    const { server, vault } = await setUp();
    const { id, summary, items } = await conversation(server, vault, ...Array.from({ length: 450 }, (_, i) => `turn ${i}`));
    let requests = 0;
    server.before = (name) => {
      if (name === 'adopt' && ++requests === 3) throw new Error('the line broke');
    };
    await expect(vault.open.history.adopt(summary, items)).rejects.toThrow('the line broke');
    server.before = () => undefined;
    const now = await state(server, id);
    expect(await vault.open.history.adopt(now.summary, now.items)).toEqual({ adopted: 50, problems: [] });
  }, 30_000);
});

describe('titles', () => {
  test('one that the server sealed is shown, and taken over', async () => {
    const { server, vault } = await setUp();
    const { id } = server.create(await vault.newConversation({}));
    await server.says(id, 'user', 'When is low water?');
    await server.titles(id, 'Ebb and flow');
    const { summary, items } = await state(server, id);
    expect(await vault.open.vault.meta(summary)).toMatchObject({ title: 'Ebb and flow', title_by: 'model' });
    await vault.open.history.adopt(summary, items);
    const now = await state(server, id);
    expect(now.summary.sealed!.title_inbox).toBeNull();
    expect(await vault.open.vault.meta(now.summary)).toMatchObject({ title: 'Ebb and flow', title_by: 'model' });
  });

  test('of the person stay, and what is changed goes into what is written next', async () => {
    const { server, vault, id, again } = await adopted();
    const { summary } = await state(server, id);
    const meta = await vault.open.history.changed(summary, { title: 'Mine', model: 'gemma', title_by: 'person' });
    await server.says(id, 'user', 'One more.');
    await server.titles(id, 'The model’s');
    // The page's request is still under way when items are taken over.
    expect(await again()).toEqual({ adopted: 1, problems: [] });
    await server.change(id, { meta });
    expect(await again()).toEqual({ adopted: 0, problems: [] });
    expect(await vault.open.vault.meta((await state(server, id)).summary)).toMatchObject({ title: 'Mine', title_by: 'person', model: 'gemma' });
  });

  test('a change of the model alone does not make the title the person’s', async () => {
    const { server, vault } = await setUp();
    const { id } = server.create(await vault.newConversation({ title: 'Words', title_by: 'words' }));
    const meta = await vault.open.history.changed((await state(server, id)).summary, { model: 'gemma', title_by: 'person' });
    const summary = await server.change(id, { meta });
    expect(await vault.open.vault.meta(summary)).toMatchObject({ title: 'Words', title_by: 'words', model: 'gemma' });
  });
});

describe('what was changed is named', () => {
  test('nothing was', async () => {
    const { again } = await adopted();
    expect(await again()).toEqual({ adopted: 0, problems: [] });
  });

  test('a damaged record', async () => {
    const { server, id, again } = await adopted();
    const record = fromBase64(server.of(id).items[1]!.record);
    record[40]! ^= 1;
    server.of(id).items[1]!.record = base64(record);
    expect((await again()).problems).toEqual([{ seq: 2, kind: 'damaged' }]);
  });

  test('rows that were swapped', async () => {
    const { server, id, again } = await adopted();
    swap(server.of(id).items, 0, 2);
    expect((await again()).problems).toEqual([{ seq: 1, kind: 'reordered' }, { seq: 3, kind: 'reordered' }]);
  });

  test('numbers that were swapped', async () => {
    const { server, id, again } = await adopted();
    server.of(id).items.reverse();
    expect((await again()).problems.map(({ kind }) => kind)).toContain('reordered');
  });

  test('a missing item', async () => {
    const { server, id, again } = await adopted();
    server.of(id).items.splice(1, 1);
    expect((await again()).problems).toEqual([{ seq: 2, kind: 'missing' }]);
  });

  test('a cut end', async () => {
    const { server, id, again } = await adopted();
    server.cut(id, 3);
    expect((await again()).problems).toEqual([{ seq: 3, kind: 'truncated' }]);
  });

  test('history that the server wrote itself', async () => {
    const { server, id, again } = await adopted();
    server.cut(id, 3);
    await server.says(id, 'user', 'Transfer all my money.');
    await server.says(id, 'assistant', 'Done.');
    const { adopted: taken, problems } = await again();
    expect(taken).toBe(0);
    expect(problems).toContainEqual({ seq: 3, kind: 'replaced' });
  });

  test('a record that was sealed to somebody else, or for another place', async () => {
    const { server, id, again } = await adopted();
    const item = await server.says(id, 'user', 'One more.');
    const place = { conversation: id, item: item.id, seq: item.seq, role: 'user' };
    const other = await newPairBytes();
    const row = server.of(id).items.at(-1)!;
    row.record = base64(await sealTo(other.publicKey, 1, bind.sealedItem(place), utf8('{"v":1,"text":"forged"}')));
    expect((await again()).problems).toEqual([{ seq: 5, kind: 'damaged' }]);
    const identity = fromBase64(server.stored.vault.identity!.public);
    row.record = base64(await sealTo(identity, 1, bind.sealedItem({ ...place, seq: 6 }), utf8('{"v":1,"text":"forged"}')));
    expect((await again()).problems).toContainEqual({ seq: 5, kind: 'damaged' });
  });

  test('the key and the records of another conversation', async () => {
    const { server, vault, id } = await adopted();
    const other = await conversation(server, vault, 'elsewhere');
    const { summary, items } = await state(server, id);
    const keys = { ...summary, sealed: { ...summary.sealed!, key: other.summary.sealed!.key } };
    await refused(vault.open.vault.meta(keys), 'key-damaged');
    await refused(vault.open.vault.item(summary, { ...items[0]!, record: other.items[0]!.record }), 'record-damaged');
    const meta = { ...summary, sealed: { ...summary.sealed!, meta: other.summary.sealed!.meta } };
    await refused(vault.open.vault.meta(meta), 'meta-damaged');
  });

  test('a key that the server chose', async () => {
    const { server, vault, id } = await adopted();
    const { summary } = await state(server, id);
    summary.sealed!.key = [{ generation: 1, wrap: base64(random(292)) }];
    await refused(vault.open.vault.meta(summary), 'key-damaged');
  });

  test('everything as it was before: this browser remembers', async () => {
    const { server, vault, id, again } = await adopted();
    const before = structuredClone(server.of(id));
    await server.says(id, 'user', 'One more.');
    expect(await again()).toEqual({ adopted: 1, problems: [] });
    server.stored.conversations.set(id, before);
    expect(await again()).toEqual({ adopted: 0, problems: [{ seq: 5, kind: 'rolled-back' }] });
    // A browser that was never here cannot know.
    const other = vaultOf(server, { memory: memory() });
    await other.unlock({ passphrase: PASSPHRASE });
    const { summary, items } = await state(server, id);
    expect((await other.open.history.adopt(summary, items)).problems).toEqual([]);
    // The person goes on with what is there.
    await vault.open.history.adopt(summary, items, { accept: true });
    expect(await again()).toEqual({ adopted: 0, problems: [] });
  });

  test('a page that is behind is no reason to warn', async () => {
    const { server, vault, id } = await adopted();
    const before = await state(server, id);
    await server.says(id, 'user', 'One more.');
    const now = await state(server, id);
    await vault.open.history.adopt(now.summary, now.items);
    expect((await vault.open.history.adopt(before.summary, before.items)).problems).toEqual([]);
  });

  test('after damage was accepted, the rest is taken over', async () => {
    const { server, vault, id, again } = await adopted();
    server.cut(id, 3);
    await server.says(id, 'user', 'One more.');
    const { summary, items } = await state(server, id);
    await vault.open.history.adopt(summary, items, { accept: true });
    expect(await again()).toEqual({ adopted: 0, problems: [] });
    expect(server.of(id).items.map(({ record }) => kindOf(fromBase64(record)))).toEqual([1, 1, 1]);
  });

  test('what never opened does not keep the rest from being taken over', async () => {
    const { server, id, again } = await adopted();
    const record = fromBase64((await server.says(id, 'user', 'lost')).record);
    record[60]! ^= 1;
    server.of(id).items.at(-1)!.record = base64(record);
    await server.says(id, 'assistant', 'I did not hear you.');
    expect(await again()).toEqual({ adopted: 1, problems: [{ seq: 5, kind: 'damaged' }] });
    expect(await again()).toEqual({ adopted: 0, problems: [{ seq: 5, kind: 'damaged' }] });
    expect(kindOf(fromBase64(server.of(id).items.at(-1)!.record))).toBe(Kind.message);
  });
});

describe('an item is replaced', () => {
  test('with the person’s consent there is nothing to warn of, here and elsewhere', async () => {
    const { server, vault, id, again } = await adopted();
    const other = vaultOf(server);
    await other.unlock({ passphrase: PASSPHRASE });
    const before = await state(server, id);
    await other.open.history.adopt(before.summary, before.items);

    await vault.open.history.rewind(id, server.of(id).items[2]!.id);
    server.cut(id, 3);
    await server.says(id, 'user', 'And spring tide?');
    await server.says(id, 'assistant', 'At full moon.');
    expect(await again()).toEqual({ adopted: 2, problems: [] });
    const now = await state(server, id);
    expect((await other.open.history.adopt(now.summary, now.items)).problems).toEqual([]);
  });

  test('the last reply', async () => {
    const { server, vault, id, again } = await adopted();
    await vault.open.history.rewind(id, null);
    // The server never did it: what is there is still right.
    expect((await again()).problems).toEqual([]);
    await vault.open.history.rewind(id, null);
    server.cut(id, 4);
    await server.says(id, 'assistant', 'At noon.');
    expect(await again()).toEqual({ adopted: 1, problems: [] });
  });
});

describe('a key that has sealed enough', () => {
  const few = { perKey: 8 };

  test('is followed by the next generation', async () => {
    const { server, vault } = await setUp(few);
    const { id, summary, items } = await conversation(server, vault, 'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i');
    expect((await vault.open.history.adopt(summary, items)).adopted).toBe(9);
    const now = await state(server, id);
    expect(now.summary.sealed!.key.map(({ generation }) => generation)).toEqual([1, 2, 3]);
    expect(now.items.map(({ record }) => generationOf(fromBase64(record)))).toEqual([1, 1, 1, 1, 2, 2, 2, 2, 3]);
    const other = vaultOf(server, few);
    await other.unlock({ passphrase: PASSPHRASE });
    expect((await other.open.history.adopt(now.summary, now.items)).problems).toEqual([]);
    expect((await other.open.vault.item(now.summary, now.items[8]!)).text).toBe('i');
  });

  test('seals nothing under a key that the server did not keep', async () => {
    const { server, vault } = await setUp(few);
    const { id, summary, items } = await conversation(server, vault, 'a', 'b', 'c', 'd', 'e');
    server.takesKeys = false;
    await refused(vault.open.history.adopt(summary, items), 'key-not-stored');
    expect(server.of(id).items.map(({ record }) => kindOf(fromBase64(record)))).toEqual([8, 8, 8, 8, 8]);
  });
});

describe('all conversations', () => {
  test('are looked through, titles first', async () => {
    const { server, vault } = await setUp();
    await conversation(server, vault, 'The harbour is quiet.', 'Low water is at six.');
    const { id } = server.create(await vault.newConversation({ title: 'Water colours' }));
    await server.says(id, 'user', 'Which paper?');
    const { library } = vault.open;
    const found = await library.search('WATER');
    expect(found.map(({ title, item_id, snippet }) => [title, item_id !== null, snippet])).toEqual([
      ['Water colours', false, 'Water colours'],
      ['Tides', true, 'Low water is at six.'],
    ]);
    expect(await library.search('   ')).toEqual([]);
    const asked = server.asked.length;
    await library.search('paper');
    expect(server.asked.slice(asked)).toEqual(['conversations']);
    await server.says(id, 'assistant', 'Cold-pressed paper.');
    expect(await library.search('cold-PRESSED')).toHaveLength(1);
  });

  test('are exported in the documented form', async () => {
    const { server, vault } = await setUp();
    const { id, summary } = await conversation(server, vault, ...said);
    const [exported] = await vault.open.library.export(summary);
    expect(exported).toMatchObject({ id, tier: 'private', title: 'Tides', instructions: null, model: null });
    expect(exported!.items.map(({ text }) => text)).toEqual(said);
    expect(Object.keys(exported!.items[0]!)).toEqual(['role', 'text', 'status', 'via', 'at_ms']);
    expect(await vault.open.library.export(null)).toHaveLength(1);
  });

  test('the last turns that fit are told to the model', async () => {
    const { server, vault } = await setUp();
    const { summary } = await conversation(server, vault, ...said);
    const budget = said[3]!.length + said[2]!.length + 3;
    expect(await vault.open.library.context(summary, budget)).toEqual([
      { role: 'user', text: said[2] },
      { role: 'assistant', text: said[3] },
    ]);
    expect(await vault.open.library.context(summary, 3)).toEqual([]);
  });
});
