import { toCanonicalJson } from './canonical-json.ts';

/** One exported thing. `value` is JSON; its shape belongs to the compartment and is versioned by the `schema` of the archive. */
export interface ExportRecord {
  readonly set: string;
  readonly value: Readonly<Record<string, unknown>>;
  /** `value` in canonical JSON, from a store that has it ready: whoever passes the record on then need not look into it. */
  readonly text?: string;
}

/** A record that is text until somebody asks for its value. */
export class TextRecord implements ExportRecord {
  readonly set: string;
  readonly text: string;

  /** @param text canonical JSON of an object */
  constructor(set: string, text: string) {
    this.set = set;
    this.text = text;
  }

  get value(): Readonly<Record<string, unknown>> {
    return JSON.parse(this.text) as Record<string, unknown>;
  }
}

export function toRecordText(record: ExportRecord): string {
  return record.text ?? toCanonicalJson(record.value);
}
