// Progress in the form of the browsers' built-in AI APIs: `monitor(m) { m.addEventListener('downloadprogress', ...) }`
// (Prompt API, CreateMonitor: `loaded` is a fraction from 0 to 1, `total` is 1).

export class DownloadProgressEvent extends Event {
  readonly lengthComputable: boolean = true;
  readonly total: number = 1;

  /** `loaded`: the part of the model that has arrived, 0 to 1. */
  constructor(readonly loaded: number) { super('downloadprogress'); }
}

export interface CreateMonitor extends EventTarget {
  addEventListener(
    type: 'downloadprogress', listener: ((event: DownloadProgressEvent) => void) | { handleEvent(event: DownloadProgressEvent): void } | null,
    options?: boolean | AddEventListenerOptions): void;
  ondownloadprogress: ((event: DownloadProgressEvent) => void) | null;
}

class Monitor extends EventTarget {
  ondownloadprogress: CreateMonitor['ondownloadprogress'] = null;

  override dispatchEvent(event: Event): boolean {
    this.ondownloadprogress?.call(this, event as DownloadProgressEvent);
    return super.dispatchEvent(event);
  }
}

/**
 * Feeds `monitor` with the progress of web/weights.ts: the first event says 0, the last 1, and none goes back. Until the
 * length of the file is known there is nothing in between.
 */
export function downloadMonitor(monitor: (m: CreateMonitor) => void): {
  progress(state: { phase: string; loaded: number; total: number | undefined }): void;
  done(): void;
} {
  const target = new Monitor();
  monitor(target as CreateMonitor);
  let last = -1;
  const report = (loaded: number) => {
    if (loaded <= last) return;
    last = loaded;
    target.dispatchEvent(new DownloadProgressEvent(loaded));
  };
  return {
    progress({ phase, loaded, total }) {
      report(0);
      if (total && (phase === 'download' || phase === 'read')) report(Math.min(loaded / total, 1));
    },
    done() {
      report(0);
      report(1);
    },
  };
}
