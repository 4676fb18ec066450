// A setup in the URL's fragment, which browsers do not send anywhere.

export interface Setup { scene: string; query?: string; tools?: unknown[] }

const toBase64 = (bytes: Uint8Array) => btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join('')).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
const fromBase64 = (text: string) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));

async function through(bytes: Uint8Array, stream: GenericTransformStream): Promise<Uint8Array> {
  return new Uint8Array(await new Response(new Blob([bytes as BlobPart]).stream().pipeThrough(stream)).arrayBuffer());
}

export async function encodeSetup(setup: Setup): Promise<string> {
  return `#s=${toBase64(await through(new TextEncoder().encode(JSON.stringify(setup)), new CompressionStream('deflate-raw')))}`;
}

/** Undefined for a fragment that is no setup. */
export async function decodeSetup(fragment: string): Promise<Setup | undefined> {
  const packed = fragment.match(/^#s=([\w-]+)$/)?.[1];
  if (!packed) return undefined;
  try {
    const setup = JSON.parse(new TextDecoder().decode(await through(fromBase64(packed), new DecompressionStream('deflate-raw')))) as Setup;
    return typeof setup.scene === 'string' && (setup.tools === undefined || Array.isArray(setup.tools)) ? setup : undefined;
  } catch {
    return undefined;
  }
}
