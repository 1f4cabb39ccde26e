/** Signals of a process that is asked to end: the first one ends it in order, the second at once. */
export interface StopSignal {
  readonly signal: AbortSignal;
  /** Resolves with the name of the first signal. */
  readonly asked: Promise<NodeJS.Signals>;
  release(): void;
}

const exitCodeOf = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const;
type Stopping = keyof typeof exitCodeOf;
const names: readonly Stopping[] = ['SIGINT', 'SIGTERM', 'SIGHUP'];

export function listenForStop(onSecond: (code: number) => void): StopSignal {
  const controller = new AbortController();
  const asked = Promise.withResolvers<NodeJS.Signals>();
  const handle = (name: Stopping) => (): void => {
    if (controller.signal.aborted) onSecond(exitCodeOf[name]);
    controller.abort();
    asked.resolve(name);
  };
  const handlers = names.map((name) => [name, handle(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return {
    signal: controller.signal,
    asked: asked.promise,
    release() {
      for (const [name, handler] of handlers) process.off(name, handler);
    },
  };
}
