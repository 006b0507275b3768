/** Recorded speech for microphones: 16 kHz, mono, 16 bit, as WAV files and as bare samples. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sharedFolder } from './places.mjs';

const RATE_HZ = 16_000;
const BYTES_PER_SAMPLE = 2;
const HEADER_BYTES = 44;

/** A clip of the shared recordings, with the words that the recogniser of these tests hears in it. */
export async function clip(id) {
  const manifest = await readFile(join(sharedFolder, 'audio/manifest.jsonl'), 'utf8');
  const entry = manifest.split('\n').filter(Boolean).map((line) => JSON.parse(line)).find((each) => each.id === id);
  if (!entry) throw new Error(`the recordings have no clip ${id}`);
  const pcm = samplesOf(await readFile(join(sharedFolder, 'audio', entry.file)));
  return { pcm, text: entry.fixture_text, durationMs: (pcm.length / BYTES_PER_SAMPLE / RATE_HZ) * 1000 };
}

export function silence(ms) {
  return Buffer.alloc(Math.round((ms * RATE_HZ) / 1000) * BYTES_PER_SAMPLE);
}

/** Writes these samples, one after the other, as one WAV file. */
export async function writeWav(path, parts) {
  const pcm = Buffer.concat(parts);
  const header = Buffer.alloc(HEADER_BYTES);
  header.write('RIFF', 0);
  header.writeUInt32LE(HEADER_BYTES - 8 + pcm.length, 4);
  header.write('WAVEfmt ', 8);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(RATE_HZ, 24);
  header.writeUInt32LE(RATE_HZ * BYTES_PER_SAMPLE, 28);
  header.writeUInt16LE(BYTES_PER_SAMPLE, 32);
  header.writeUInt16LE(8 * BYTES_PER_SAMPLE, 34);
  header.write('data', 36);
  header.writeUInt32LE(pcm.length, 40);
  await writeFile(path, Buffer.concat([header, pcm]));
}

/** The content of the chunk `data`. */
function samplesOf(wav) {
  for (let at = 12; at + 8 <= wav.length; at += 8 + wav.readUInt32LE(at + 4)) {
    if (wav.toString('latin1', at, at + 4) === 'data') return wav.subarray(at + 8, at + 8 + wav.readUInt32LE(at + 4));
  }
  throw new Error('a recording without samples');
}
