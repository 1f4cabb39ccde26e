/**
 * Lines of UTF-8 text, many at a time, split at line feeds alone: JSON text may hold the other characters that end a line.
 * A last line without a line feed counts too.
 */
export async function* splitLines(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<readonly string[], void, undefined> {
  let rest: Uint8Array[] = [];
  for await (const chunk of chunks) {
    const end = chunk.lastIndexOf(0x0a);
    if (end === -1) {
      rest.push(chunk);
      continue;
    }
    const text = Buffer.concat([...rest, chunk.subarray(0, end)]).toString('utf8');
    rest = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield text.split('\n');
  }
  if (rest.length > 0) yield Buffer.concat(rest).toString('utf8').split('\n');
}
