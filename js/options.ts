// What a page can say when it loads Thimble and when it asks.
import type { AnswerOptions, Facts, KernelSet, Manifest, Progress, WeightsSource } from '../web/protocol.ts';
import { ThimbleError } from './errors.ts';
import type { HandoffOptions } from './handoff.ts';
import type { CreateMonitor } from './monitor.ts';
import type { Channel } from './rpc.ts';
import type { Confirm } from './run.ts';
import type { AnyTool } from './tools.ts';

export interface LoadOptions extends HandoffOptions {
  /** The model file. Default: the one that comes with the package. */
  model?: WeightsSource;
  /** What `model` must be (scripts/manifest.ts); then a damaged or other file is refused. */
  manifest?: Manifest;
  /** What the browser's store keeps `model` under; with it alone, only a stored copy will do. Default: manifest or URL. */
  name?: string;
  /** Where the WASM module is, or its bytes. Default: beside the worker. */
  wasm?: string | URL | ArrayBuffer;
  /** Where the worker's script is, or what makes one. Default: the package's. */
  worker?: string | URL | (() => Channel);
  /** For comparisons. Default: the fastest. */
  kernels?: KernelSet;
  /** Asked before `run` executes a tool with destructiveHint or consequentialHint. Without it, such tools are not executed. */
  confirm?: Confirm;
  /** Check what the grammar cannot enforce after decoding, instead of refusing the tool. */
  allowUnenforced?: boolean;
  /** Bytes of encoded tools to keep in memory, some 11 KB a token; the rest is read from IndexedDB or encoded again. Default: 64 MiB. */
  toolMemory?: number;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Progress as the built-in AI APIs tell it. */
  monitor?: (monitor: CreateMonitor) => void;
}

/** What words like "tomorrow at six" are relative to. */
export interface FactsOptions {
  /** Default: the time of the call. */
  now?: Date | number;
  /** IANA name. Default: the machine's. */
  timeZone?: string;
  /** BCP 47. Default: the browser's. */
  locale?: string;
}

/** Hand-off is as `load` was told, if nothing is said here. */
export interface CallOptions extends AnswerOptions, HandoffOptions {
  /** The only tools there are for this call. Default: those registered. */
  tools?: readonly AnyTool[] | Readonly<Record<string, AnyTool>>;
  facts?: FactsOptions;
  /** `false`: show the model all tools, however many, up to its limit. Default: where they are many, the likeliest. */
  retrieval?: boolean;
  signal?: AbortSignal;
}

export interface RunOptions extends CallOptions {
  /** Default: as `load` was told. */
  confirm?: Confirm;
}

/** Throws ThimbleError `bad_input` for a zone or locale that is none. */
export function factsOf({ now = Date.now(), timeZone, locale }: FactsOptions = {}): Facts {
  try {
    // The runtime knows zone and locale as well, and needs them for dates only: making a DateTimeFormat takes long the first time.
    if (timeZone !== undefined || locale !== undefined) new Intl.DateTimeFormat(locale, { timeZone });
    return { now: Date.parse(new Date(now).toISOString()), ...(timeZone !== undefined && { timeZone }), ...(locale !== undefined && { locale }) };
  } catch (error) {
    throw new ThimbleError('bad_input', `The facts name no moment, time zone or locale: ${(error as Error).message}.`, error);
  }
}
