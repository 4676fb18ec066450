// What a model file must be, chunk by chunk: written by scripts/manifest.ts, checked by web/weights.ts.
import { ThimbleError } from '../errors.ts';

export type Bytes = Uint8Array<ArrayBuffer>;

/** Size of a chunk that is hashed and stored as one: small enough to fetch again, large enough for few records. */
export const chunkBytes = 2 ** 20;
const maxBytes = 2 ** 31;

export interface Manifest {
  /** The store keeps one file for each name. */
  name: string;
  version: string;
  /** Length of the file. */
  bytes: number;
  /** Length of every chunk but the last. */
  chunkBytes: number;
  /** SHA-256 of each chunk, lower-case hex. */
  sha256: string[];
}

export const chunkCount = (bytes: number, size: number): number => Math.ceil(bytes / size);

/** SHA-256 as lower-case hex. Needs a secure context (https, localhost, Node). */
export async function sha256(bytes: Bytes): Promise<string> {
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

export async function makeManifest(name: string, version: string, file: Bytes, size = chunkBytes): Promise<Manifest> {
  const hashes = Array.from({ length: chunkCount(file.length, size) }, (_, i) => sha256(file.subarray(i * size, (i + 1) * size)));
  return { name, version, bytes: file.length, chunkBytes: size, sha256: await Promise.all(hashes) };
}

/** Checks a manifest from outside. Throws ThimbleError `bad_input`. */
export function checkManifest(value: unknown): Manifest {
  const refuse = (what: string): never => { throw new ThimbleError('bad_input', `The manifest's ${what}; make it with scripts/manifest.ts.`); };
  if (typeof value !== 'object' || value === null) return refuse('value is not an object');
  const { name, version, bytes, chunkBytes: size, sha256: hashes } = value as Record<keyof Manifest, unknown>;
  const whole = (n: unknown, least: number, most: number): n is number => Number.isInteger(n) && (n as number) >= least && (n as number) <= most;
  if (typeof name !== 'string' || name === '') return refuse('name is not a text');
  if (typeof version !== 'string') return refuse('version is not a text');
  if (!whole(bytes, 1, maxBytes)) return refuse(`bytes is not a number from 1 to ${maxBytes}`);
  if (!whole(size, 2 ** 10, 2 ** 24)) return refuse('chunkBytes is not a number from 1024 to 16777216');
  if (!Array.isArray(hashes) || hashes.length !== chunkCount(bytes, size)) return refuse('sha256 is not a list of one hash a chunk');
  if (!hashes.every((hash) => typeof hash === 'string' && /^[0-9a-f]{64}$/.test(hash))) return refuse('sha256 has an entry that is not 64 hex digits');
  return { name, version, bytes, chunkBytes: size, sha256: hashes as string[] };
}
