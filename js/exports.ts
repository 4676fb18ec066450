// What every entry of the package exports, besides its own Thimble.
export { ThimbleError, type ThimbleCode } from './errors.ts';
export type { HandoffContext, HandoffOptions, HandoffReason } from './handoff.ts';
export { DownloadProgressEvent, type CreateMonitor } from './monitor.ts';
export type { CallOptions, FactsOptions, LoadOptions, RunOptions } from './options.ts';
export type { Channel } from './rpc.ts';
export type { Confirm, RunOutcome, RunResult } from './run.ts';
export type { ArgsOf, JsonSchema, Schema, StandardSchema } from './schema.ts';
export type { Session, SessionOptions } from './session.ts';
export type { Extraction, RegisteredTool, Registration, StreamEvent } from './thimble.ts';
export type { Annotations, AnyTool, ExecuteContext, Tool } from './tools.ts';
export type {
  AnswerEvent, AnswerOptions, Call, GivenCall, KernelSet, Manifest, Memory, ModelInfo, NotStored, Outcome, PartialCall, Path, Progress, Stats,
  ToolChoice, WeightsSource,
} from '../web/protocol.ts';
