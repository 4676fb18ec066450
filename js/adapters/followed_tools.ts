// A list of tools that changes by itself (an MCP server's, a page's), kept registered: one that Thimble refuses does not keep the
// others out.
import type { Thimble } from '../thimble.ts';
import type { AnyTool } from '../tools.ts';

export class FollowedTools {
  private readonly registered = new Map<string, { text: string; stop: AbortController }>();
  private readonly refusals = new Map<string, string>();
  private last: Promise<unknown> = Promise.resolve();
  private ended = false;

  constructor(private readonly thimble: Thimble) {}

  /** Names of what is registered. */
  get names(): readonly string[] { return [...this.registered.keys()]; }

  /** Why the others are not, by name. */
  get refused(): ReadonlyMap<string, string> { return this.refusals; }

  /** Makes the registered tools those that `list` gives. Updates are done one after the other. Rejects as `list` and a failing runtime do. */
  update(list: () => AnyTool[] | Promise<AnyTool[]>): Promise<void> {
    const done = this.last.then(async () => { if (!this.ended) await this.follow(await list()); });
    this.last = done.catch(() => {});
    return done;
  }

  /** Unregisters all, for good. */
  end(): void {
    this.ended = true;
    for (const name of this.names) this.drop(name);
  }

  private async follow(tools: AnyTool[]): Promise<void> {
    if (this.ended) return;
    const texts = new Map(tools.map((tool) => [tool.name ?? '', JSON.stringify(tool)]));
    for (const [name, { text }] of this.registered) if (texts.get(name) !== text) this.drop(name);
    this.refusals.clear();
    const added = tools.filter(({ name = '' }) => !this.registered.has(name));
    await Promise.all(added.map((tool) => this.add(tool, texts.get(tool.name ?? '')!)));
  }

  private async add(tool: AnyTool, text: string): Promise<void> {
    const name = tool.name ?? '', stop = new AbortController();
    try {
      await this.thimble.registerTool(tool, { signal: stop.signal });
      if (this.ended) stop.abort();
      else this.registered.set(name, { text, stop });
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'bad_tools') throw error;
      this.refusals.set(name, (error as Error).message);
    }
  }

  private drop(name: string): void {
    this.registered.get(name)!.stop.abort();
    this.registered.delete(name);
  }
}
