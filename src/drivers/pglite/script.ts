import { readServerError, toSqlError, type ServerError } from '../wire/server-error.ts';
import { WireReader } from '../wire/wire-reader.ts';
import { WireWriter } from '../wire/wire-writer.ts';
import type { EmbeddedInstance } from './instance.ts';

/** Runs statements on an instance that nobody else uses yet. @throws SqlError, InstanceGone */
export async function runScript(instance: EmbeddedInstance, text: string): Promise<void> {
  const writer = new WireWriter();
  writer.simpleQuery(text);
  const reply = await instance.exchange(writer.take(), 0);
  const errors: ServerError[] = [];
  const reader = new WireReader((type, bytes, start) => {
    if (type === errorResponse) errors.push(readServerError(bytes, start));
  });
  reader.push(Buffer.from(reply));
  if (errors[0] !== undefined) throw toSqlError(errors[0]);
}

const errorResponse = 0x45;
