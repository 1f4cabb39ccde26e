import type { ErrorCode, ErrorDetail } from '../../core/errors.ts';
import type { DocumentSource } from './detect.ts';
import type { ParseLimits, StructuredText } from './structured.ts';

export interface ParseRequest {
  readonly source: DocumentSource;
  readonly limits: ParseLimits;
}

export type ParseReply =
  | { readonly kind: 'parsed'; readonly parsed: StructuredText }
  | { readonly kind: 'refused'; readonly code: ErrorCode; readonly detail: ErrorDetail }
  | { readonly kind: 'failed' };
