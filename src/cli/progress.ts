import { Presets, SingleBar } from 'cli-progress';
import type { Output } from './output.ts';

/** How far long work is. */
export interface Progress {
  advance(label?: string): void;
  done(): void;
}

const silent: Progress = { advance: () => {}, done: () => {} };

/** A bar on a terminal; a line for every tenth of the work elsewhere, so that logs show life without filling up. */
export function startProgress(output: Output, title: string, total: number): Progress {
  if (output.format === 'json' || total === 0) return silent;
  return output.stderr.isTTY === true ? startBar(title, total) : startLines(output, title, total);
}

function startBar(title: string, total: number): Progress {
  const bar = createBar(title);
  bar.start(total, 0, { label: '' });
  return { advance: (label = '') => bar.increment(1, { label }), done: () => bar.stop() };
}

function createBar(title: string): SingleBar {
  return new SingleBar(
    {
      format: `${title} {bar} {value}/{total}  {eta_formatted} left  {label}`,
      stream: process.stderr,
      hideCursor: true,
      clearOnComplete: true,
      // Names are ours or went through toSafeLine; a label longer than the terminal would break the redraw.
      linewrap: false,
    },
    Presets.shades_classic,
  );
}

function startLines(output: Output, title: string, total: number): Progress {
  const step = Math.max(1, Math.ceil(total / 10));
  let value = 0;
  return {
    advance() {
      value += 1;
      if (value % step === 0 || value === total) output.note(`${title}: ${value} of ${total}`);
    },
    done: () => {},
  };
}

/** Work whose steps are known while it runs elsewhere. */
export interface Steps {
  at(done: number, total: number, label: string): void;
  done(): void;
}

/** As `startProgress`, told where it is instead of counting. */
export function startSteps(output: Output, title: string): Steps {
  if (output.format === 'json') return { at: () => {}, done: () => {} };
  if (output.stderr.isTTY === true) return startStepBar(title);
  let told = '';
  return {
    at(done, total, label) {
      if (label === told) return;
      told = label;
      output.note(`${title}: ${done} of ${total}: ${label}`);
    },
    done: () => {},
  };
}

function startStepBar(title: string): Steps {
  const bar = createBar(title);
  bar.start(1, 0, { label: '' });
  return {
    at(done, total, label) {
      bar.setTotal(Math.max(1, total));
      bar.update(done, { label });
    },
    done: () => bar.stop(),
  };
}
