import { describe, expect, test, vi } from 'vitest';
import { base64, fromBase64, random } from '../../src/vault/bytes';
import { IdleLock } from '../../src/vault/idle-lock';
import { COST, FLOOR } from '../../src/vault/kdf';
import { importCipher, newPairBytes } from '../../src/vault/keys';
import { SignInPasswords } from '../../src/vault/passphrase';
import { makeSlot } from '../../src/vault/slots';
import { argon2, cheap, memory, PASSPHRASE, PERSON, refused, setUp, vaultOf } from './support';
import { FakeServer } from './server';

const NEXT = 'another five words entirely different';

describe('setting up', () => {
  test('stores nothing before the recovery key is confirmed', async () => {
    const server = new FakeServer();
    const vault = vaultOf(server);
    const recoveryKey = await vault.setUp(PASSPHRASE);
    await refused(vault.confirm('nothing'), 'not-confirmed');
    expect(server.asked).not.toContain('putVault');
    const groups = recoveryKey.split('-');
    await vault.confirm(vault.askedGroups.map((at) => groups[at]).join(' '));
    expect(vault.status).toBe('open');
    expect(server.stored.vault.slots.map(({ kind }) => kind)).toEqual(['passphrase', 'recovery']);
  });

  test('refuses a bad passphrase, and the password of the sign-in', async () => {
    const signIns = new SignInPasswords();
    await signIns.add(PASSPHRASE);
    const vault = vaultOf(new FakeServer(), { signIns });
    await refused(vault.setUp('short'), 'passphrase-short');
    await refused(vault.setUp('passwordpassword'), 'passphrase-common');
    await refused(vault.setUp(PASSPHRASE), 'passphrase-is-password');
  });

  test('is done once', async () => {
    const { server } = await setUp();
    await refused(vaultOf(server).setUp(PASSPHRASE), 'already-set-up');
  });

  test('the server is given nothing that opens', async () => {
    const { server, recoveryKey } = await setUp();
    const all = JSON.stringify(server.stored);
    expect(all).not.toContain(PASSPHRASE);
    expect(all).not.toContain(recoveryKey.slice(0, 9));
    expect(server.slot('passphrase').kdf).toMatchObject({ alg: 'argon2id', ...cheap });
    expect(COST).toEqual({ m_kib: 65536, t: 3, p: 1 });
  });
});

describe('unlocking', () => {
  test('with passphrase or recovery key; with nothing else', async () => {
    const { server, vault, recoveryKey } = await setUp();
    vault.lock();
    expect(vault.status).toBe('locked');
    expect(() => vault.open).toThrow('locked');
    await refused(vault.unlock({ passphrase: `${PASSPHRASE} ` }), 'wrong-secret');
    await vault.unlock({ passphrase: PASSPHRASE });
    expect(vault.warnings).toEqual([]);
    await vaultOf(server).unlock({ recoveryKey: recoveryKey.toLowerCase() });
    const [a, b, ...rest] = recoveryKey;
    await refused(vaultOf(server).unlock({ recoveryKey: b! + a + rest.join('') }), a === b ? 'wrong-secret' : 'recovery-key-mistyped');
    const other = await setUp();
    await refused(vaultOf(server).unlock({ recoveryKey: other.recoveryKey }), 'wrong-secret');
  });

  test('a passphrase is the same however it is composed', async () => {
    const server = new FakeServer();
    const vault = vaultOf(server);
    await vault.confirm(await vault.setUp('fünf Wörter für die Schlüssel'));
    await vaultOf(server).unlock({ passphrase: 'fu\u0308nf Wo\u0308rter fu\u0308r die Schlu\u0308ssel' });
  });

  test('somebody else’s vault does not open', async () => {
    const { server } = await setUp();
    await refused(vaultOf(server, { person: 'person_2' }).unlock({ passphrase: PASSPHRASE }), 'slot-swapped');
  });

  test('keys cannot be copied out', async () => {
    const { vault } = await setUp();
    const { master, identity } = vault.open.vault;
    expect([master.extractable, identity.privateKey.extractable]).toEqual([false, false]);
    await expect(crypto.subtle.exportKey('raw', master)).rejects.toThrow();
  });
});

describe('changing', () => {
  test('the passphrase: the old one no longer opens, the slot keeps its id', async () => {
    const { server, vault } = await setUp();
    const { id } = server.slot('passphrase');
    await refused(vault.changePassphrase({ passphrase: 'wrong wrong wrong' }, NEXT), 'wrong-secret');
    await refused(vault.changePassphrase({ passphrase: PASSPHRASE }, 'short'), 'passphrase-short');
    await vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT);
    expect(server.slot('passphrase').id).toBe(id);
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'wrong-secret');
    await vaultOf(server).unlock({ passphrase: NEXT });
  });

  test('a forgotten passphrase, with the recovery key', async () => {
    const { server, recoveryKey } = await setUp();
    const vault = vaultOf(server);
    await vault.unlock({ recoveryKey });
    await vault.changePassphrase({ recoveryKey }, NEXT);
    expect(server.stored.vault.slots).toHaveLength(2);
    await vaultOf(server).unlock({ passphrase: NEXT });
  });

  test('the recovery key: the old one holds until the new one is confirmed', async () => {
    const { server, vault, recoveryKey } = await setUp();
    const next = await vault.newRecoveryKey({ passphrase: PASSPHRASE });
    await vaultOf(server).unlock({ recoveryKey });
    await vault.confirm(next);
    await refused(vaultOf(server).unlock({ recoveryKey }), 'wrong-secret');
    await vaultOf(server).unlock({ recoveryKey: next });
    expect(await vault.showRecoveryKey({ passphrase: PASSPHRASE })).toBe(next);
    await refused(vault.showRecoveryKey({ passphrase: NEXT }), 'wrong-secret');
  });

  test('never below one passphrase and one recovery key', async () => {
    const { server, vault } = await setUp();
    for (const kind of ['passphrase', 'recovery']) await refused(vault.removeSlot(server.slot(kind).id), 'last-slot');
    await vault.addPassphrase({ passphrase: PASSPHRASE }, NEXT, 'Laptop');
    await vault.removeSlot(server.slot('passphrase').id);
    expect(server.stored.vault.slots).toHaveLength(2);
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'wrong-secret');
    const again = vaultOf(server);
    await again.unlock({ passphrase: NEXT });
    expect(again.warnings).toEqual([]);
  });

  test('cut short: the next unlock brings it to its end', async () => {
    const { server, vault } = await setUp();
    let puts = 0;
    server.before = (name) => {
      if (name === 'putSlot' && ++puts === 2) throw new Error('the line broke');
    };
    await expect(vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT)).rejects.toThrow('the line broke');
    server.before = () => undefined;
    const again = vaultOf(server);
    await again.unlock({ passphrase: NEXT });
    expect(again.warnings).toEqual([]);
    const once = server.asked.length;
    const third = vaultOf(server);
    await third.unlock({ passphrase: NEXT });
    expect(server.asked.slice(once)).toEqual(['vault']);
  });
});

describe('a server that lies', () => {
  test('weaker derivation is refused before anything is derived', async () => {
    const { server } = await setUp();
    const derive = vi.fn(argon2);
    const weaker = [{ m_kib: FLOOR.m_kib - 1 }, { t: 0 }, { m_kib: 1e9 }, { t: 1000 }, { p: 99 }, { m_kib: 65536.5 }, { salt: base64(random(8)) }];
    for (const change of weaker) {
      server.slot('passphrase').kdf = { alg: 'argon2id', ...COST, salt: base64(random(16)), ...change };
      await refused(vaultOf(server, { argon2: derive, floor: FLOOR }).unlock({ passphrase: PASSPHRASE }), 'weak-kdf');
    }
    expect(derive).not.toHaveBeenCalled();
  });

  test('other parameters above the floor open nothing', async () => {
    const { server } = await setUp();
    const slot = server.slot('passphrase');
    slot.kdf = { ...slot.kdf, t: 2 } as typeof slot.kdf;
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'wrong-secret');
  });

  test('a passphrase slot cannot be made one that is not stretched', async () => {
    const { server } = await setUp();
    server.slot('passphrase').kdf = { alg: 'hkdf-sha256', salt: base64(random(16)) };
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'weak-kdf');
  });

  test('a swapped public key of the slot is refused', async () => {
    const { server } = await setUp();
    server.slot('passphrase').public = base64((await newPairBytes()).publicKey);
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'slot-swapped');
  });

  test('a swapped public key of another slot is warned of, and is not sealed to', async () => {
    const { server } = await setUp();
    server.slot('recovery').public = base64((await newPairBytes()).publicKey);
    const vault = vaultOf(server);
    await vault.unlock({ passphrase: PASSPHRASE });
    expect(vault.warnings).toEqual([{ code: 'slot-swapped', slot: 'Recovery key' }]);
    expect(vault.slots.map(({ kind }) => kind)).toEqual(['passphrase']);
  });

  test('a master key of its own, sealed to the slot, is refused', async () => {
    const { server } = await setUp();
    const slot = server.slot('passphrase');
    const { sealTo, bind } = await import('../../src/vault/record');
    const { parametersHash } = await import('../../src/vault/kdf');
    const binding = bind.slot(PERSON, slot.id, 'master', await parametersHash(slot.kdf));
    slot.master = base64(await sealTo(fromBase64(slot.public), 1, binding, random(32)));
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'master-key-swapped');
  });

  test('a slot from before the change is refused by name', async () => {
    const { server, vault } = await setUp();
    const old = structuredClone(server.slot('passphrase'));
    await vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT);
    await server.putSlot(old);
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'slot-replayed');
  });

  test('an old slot beside the right ones is warned of', async () => {
    const { server, vault, recoveryKey } = await setUp();
    const old = structuredClone(server.slot('passphrase'));
    await vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT);
    await server.putSlot(old);
    const again = vaultOf(server);
    await again.unlock({ recoveryKey });
    expect(again.warnings).toEqual([{ code: 'slot-replayed', slot: 'Passphrase' }]);
  });

  test('a slot of somebody else is warned of', async () => {
    const { server } = await setUp();
    const bytes = random(32);
    const foreign = { bytes, cipher: await importCipher(bytes) };
    const options = { argon2, cost: cheap, floor: cheap };
    server.stored.vault.slots.push(await makeSlot(foreign, { person: PERSON, kind: 'recovery', label: 'Mine', secret: random(32), atMs: 0 }, options));
    const vault = vaultOf(server);
    await vault.unlock({ passphrase: PASSPHRASE });
    expect(vault.warnings).toEqual([{ code: 'slot-swapped', slot: 'Mine' }]);
  });

  test('all slots as they were before: this browser remembers', async () => {
    const kept = memory();
    const { server, vault } = await setUp({ memory: kept });
    const old = structuredClone(server.stored.vault);
    await vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT);
    server.stored.vault = old;
    const again = vaultOf(server, { memory: kept });
    await again.unlock({ passphrase: PASSPHRASE });
    expect(again.warnings).toEqual([{ code: 'slots-rolled-back', slot: null }]);
  });

  test('a slot that is gone, and a vault that is gone', async () => {
    const kept = memory();
    const { server } = await setUp({ memory: kept });
    await server.removeSlot(server.slot('recovery').id);
    const vault = vaultOf(server, { memory: kept });
    await vault.unlock({ passphrase: PASSPHRASE });
    expect(vault.warnings.map(({ code }) => code)).toEqual(['slot-missing']);
    server.stored.vault = { identity: null, slots: [] };
    const again = vaultOf(server, { memory: kept });
    expect(await again.load()).toBe('none');
    expect(again.warnings.map(({ code }) => code)).toEqual(['vault-missing']);
  });

  test('another identity is refused: it would be sealed to', async () => {
    const { server } = await setUp();
    server.stored.vault.identity!.public = base64((await newPairBytes()).publicKey);
    await refused(vaultOf(server).unlock({ passphrase: PASSPHRASE }), 'identity-swapped');
  });
});

test('slots of kinds that are not known are left as they are, and not vouched for', async () => {
  const { server } = await setUp();
  const later = { id: 'slot_prf', kind: 'prf', public: base64(random(32)), credential_id: 'abc' };
  server.stored.vault.slots.push(later);
  const vault = vaultOf(server);
  await vault.unlock({ passphrase: PASSPHRASE });
  await vault.changePassphrase({ passphrase: PASSPHRASE }, NEXT);
  expect(server.stored.vault.slots).toContainEqual(later);
  const { openRoster } = await import('../../src/vault/slots');
  const roster = (await openRoster(PERSON, server.slot('passphrase'), vault.open.vault.master)) as { slots: object };
  expect(Object.keys(roster.slots)).not.toContain('slot_prf');
});

describe('locking by itself', () => {
  test('after a while of nobody; not during a call; at once when woken late', () => {
    vi.useFakeTimers();
    let [locked, busy] = [0, false];
    const idle = new IdleLock(() => locked++, 15, () => busy);
    idle.start();
    vi.advanceTimersByTime(14 * 60_000);
    idle.touch();
    vi.advanceTimersByTime(14 * 60_000);
    expect(locked).toBe(0);
    vi.advanceTimersByTime(60_000);
    expect(locked).toBe(1);

    busy = true;
    idle.start();
    vi.advanceTimersByTime(60 * 60_000);
    expect(locked).toBe(1);
    busy = false;
    vi.advanceTimersByTime(15 * 60_000);
    expect(locked).toBe(2);

    idle.start();
    vi.setSystemTime(Date.now() + 16 * 60_000);
    idle.touch();
    expect(locked).toBe(3);
    vi.useRealTimers();
  });
});
