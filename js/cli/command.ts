/** One subcommand of `thimble`. */
export interface Command {
  /** One line for the list of commands. */
  summary: string;
  /** What `thimble NAME --help` prints. */
  help: string;
  /** @throws UsageError for wrong arguments; any other error is a failure of the work itself. */
  run(args: string[]): Promise<void>;
}

/** The command line makes no sense; the message says why. Exit code 2. */
export class UsageError extends Error {}
