/** A value now, or later. The warm request path stays synchronous: no promise, no extra turn of the event loop. */
export type Maybe<Value> = Value | Promise<Value>;

export function chain<Value, Next>(value: Maybe<Value>, step: (value: Value) => Maybe<Next>): Maybe<Next> {
  return value instanceof Promise ? value.then(step) : step(value);
}
