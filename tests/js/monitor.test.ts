// js/monitor.ts: events as the built-in AI APIs send them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { downloadMonitor, type DownloadProgressEvent } from '../../js/monitor.ts';

function record() {
  const events: DownloadProgressEvent[] = [];
  const handled: number[] = [];
  const monitor = downloadMonitor((m) => {
    m.addEventListener('downloadprogress', (event) => events.push(event));
    m.ondownloadprogress = ({ loaded }) => handled.push(loaded);
  });
  return { ...monitor, events, handled };
}

test('downloadprogress starts at 0, ends at 1 and never goes back', () => {
  const { progress, done, events, handled } = record();
  progress({ phase: 'read', loaded: 25, total: 100 });
  progress({ phase: 'verify', loaded: 90, total: 100 });
  progress({ phase: 'download', loaded: 50, total: 100 });
  progress({ phase: 'read', loaded: 40, total: 100 });
  done();
  assert.deepEqual(handled, [0, 0.25, 0.5, 1]);
  assert.deepEqual(events.map(({ loaded }) => loaded), handled);
  assert.ok(events.every(({ type, total, lengthComputable }) => type === 'downloadprogress' && total === 1 && lengthComputable));
});

test('without a known length there is a 0 and a 1', () => {
  const { progress, done, handled } = record();
  progress({ phase: 'download', loaded: 50, total: undefined });
  done();
  assert.deepEqual(handled, [0, 1]);
});
