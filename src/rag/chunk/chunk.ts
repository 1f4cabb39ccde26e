import { hash } from 'node:crypto';
import { BulkheadError } from '../../core/errors.ts';
import type { Block, StructuredText } from '../parse/structured.ts';
import { splitSentences, splitToFit } from './sentences.ts';
import { estimateTokens } from './tokens.ts';

export interface ChunkOptions {
  /** Of a chunk, its overlap included; its headings are not counted. Default 320. */
  readonly maxTokens?: number;
  /** Where a chunk may end before it is full. Default a quarter of `maxTokens`. */
  readonly minTokens?: number;
  /** Repeated from the chunk before, in whole sentences. Default 40; 0 = none. */
  readonly overlapTokens?: number;
  /** BCP 47, for where sentences end. Default `en`. */
  readonly language?: string;
}

/** A piece of a document that is embedded and found by itself. */
export interface Chunk {
  /** What it says. */
  readonly text: string;
  /** Title and headings above it, the outermost first. */
  readonly headings: readonly string[];
  readonly page: number | undefined;
  /** SHA-256 of headings and text: equal chunks are embedded once. */
  readonly contentHash: string;
}

/** Something of a section that stays together if it can. */
interface Piece {
  readonly text: string;
  readonly joint: string;
  readonly page: number | undefined;
}

interface Rules {
  readonly maxTokens: number;
  readonly minTokens: number;
  readonly overlapTokens: number;
  readonly language: string;
}

/** Part of every hash: what is cut by other rules counts as other. */
const version = 1;

/**
 * Chunks of a document: never across a heading, whole paragraphs where they fit, whole sentences where they do not. A chunk that
 * is large enough ends where the content itself says so (content-defined chunking, Muthitacharoen, Chen and Mazières, SOSP 2001),
 * so that a paragraph added in front moves the ends of its neighbours, and not of all that follows.
 * @throws value_invalid
 */
export function chunkDocument(document: StructuredText, options: ChunkOptions = {}): readonly Chunk[] {
  const rules = toRules(options);
  const chunks: Chunk[] = [];
  for (const section of sectionsOf(document)) {
    const pieces = section.blocks.flatMap((block) => toPieces(block, rules));
    for (const group of pack(pieces, rules)) chunks.push(toChunk(section.headings, group));
  }
  return chunks;
}

/** What an embedder is given of a chunk: its headings say what it is about. */
export function toEmbeddedText({ headings, text }: Pick<Chunk, 'headings' | 'text'>): string {
  return headings.length === 0 ? text : `${headings.join(' › ')}\n${text}`;
}

function toRules(options: ChunkOptions): Rules {
  const { maxTokens = 320, overlapTokens = 40, language = 'en' } = options;
  const minTokens = options.minTokens ?? Math.floor(maxTokens / 4);
  const counts = [maxTokens, minTokens, overlapTokens];
  if (counts.some((count) => !Number.isInteger(count) || count < 0) || maxTokens < 16)
    throw new BulkheadError('value_invalid', {
      field: 'maxTokens',
      reason: 'must be whole numbers, and at least 16',
    });
  if (minTokens + overlapTokens >= maxTokens)
    throw new BulkheadError('value_invalid', {
      field: 'overlapTokens',
      reason: 'minimum and overlap together leave no room for anything new',
    });
  return { maxTokens, minTokens, overlapTokens, language };
}

interface Section {
  readonly headings: readonly string[];
  readonly blocks: readonly Block[];
}

/** Blocks under one path of headings. A heading with nothing under it is a block of its own: nothing is lost. */
function sectionsOf(document: StructuredText): readonly Section[] {
  const sections: { headings: readonly string[]; blocks: Block[] }[] = [];
  const path: { level: number; text: string }[] = [];
  const top = document.title === undefined ? [] : [document.title];
  const headings = (): readonly string[] => {
    const texts = path.map(({ text }) => text);
    return texts[0] === document.title ? texts : [...top, ...texts];
  };
  let open: { headings: readonly string[]; blocks: Block[] } | undefined;
  const blocks = document.blocks;
  for (const [index, block] of blocks.entries()) {
    if (block.kind === 'heading') {
      while ((path.at(-1)?.level ?? 0) >= block.level) path.pop();
      const next = blocks[index + 1];
      const isLeaf = next === undefined || (next.kind === 'heading' && next.level <= block.level);
      if (isLeaf) sections.push({ headings: headings(), blocks: [{ ...block, kind: 'heading' }] });
      path.push({ level: block.level, text: block.text });
      open = undefined;
    } else {
      if (open === undefined) {
        open = { headings: headings(), blocks: [] };
        sections.push(open);
      }
      open.blocks.push(block);
    }
  }
  return sections;
}

function toPieces(block: Block, { maxTokens, overlapTokens, language }: Rules): readonly Piece[] {
  const page = block.page;
  const room = maxTokens - overlapTokens;
  switch (block.kind) {
    case 'heading':
    case 'paragraph':
    case 'item': {
      const text = block.kind === 'item' ? `• ${block.text}` : block.text;
      const joint = block.kind === 'item' ? '\n' : '\n\n';
      return splitToFit(text, room, language).map((part, index) => ({
        text: part.trim(),
        joint: index === 0 ? joint : ' ',
        page,
      }));
    }
    case 'code':
      return block.text.split('\n').flatMap((line, index) =>
        splitToFit(line, room, language).map((part) => ({
          text: part,
          joint: index === 0 ? '\n\n' : '\n',
          page,
        })),
      );
    case 'table':
      return tableLines(block.rows).flatMap((line, index) =>
        splitToFit(line, room, language).map((part) => ({
          text: part.trim(),
          joint: index === 0 ? '\n\n' : '\n',
          page,
        })),
      );
  }
}

/** A row by itself says nothing: each cell is named by the head of its column. */
function tableLines(rows: readonly (readonly string[])[]): readonly string[] {
  const [head = [], ...body] = rows;
  if (body.length === 0) return [head.join(' | ')];
  return body.map((row) =>
    row
      .map((cell, column) =>
        head[column] === undefined || head[column] === '' ? cell : `${head[column]}: ${cell}`,
      )
      .join(' | '),
  );
}

function pack(pieces: readonly Piece[], rules: Rules): readonly (readonly Piece[])[] {
  const groups: Piece[][] = [];
  let group: Piece[] = [];
  let tokens = 0;
  const flush = (): void => {
    if (group.length > 0) groups.push(group);
    const overlap = overlapOf(group, rules);
    group = overlap === undefined ? [] : [overlap];
    tokens = overlap === undefined ? 0 : estimateTokens(overlap.text);
  };
  for (const [index, piece] of pieces.entries()) {
    const own = estimateTokens(piece.joint + piece.text);
    if (tokens + own > rules.maxTokens && tokens > 0) flush();
    group.push(piece);
    tokens += own;
    // Not inside a paragraph that was cut: there the chunk goes on until it is full.
    const isEnd = (pieces[index + 1]?.joint ?? ' ') !== ' ';
    if (isEnd && tokens >= rules.minTokens && isMarked(piece)) flush();
  }
  if (group.length > 0) groups.push(group);
  return groups;
}

/** Every second piece or so ends a chunk that is large enough, decided by the piece alone. */
function isMarked({ text }: Piece): boolean {
  return (hash('sha256', text, 'buffer')[0] ?? 0) % 2 === 0;
}

function overlapOf(group: readonly Piece[], { overlapTokens, language }: Rules): Piece | undefined {
  const last = group.at(-1);
  if (last === undefined || overlapTokens === 0) return undefined;
  let text = '';
  for (const sentence of splitSentences(last.text, language).toReversed()) {
    if (estimateTokens(sentence + text) > overlapTokens) break;
    text = sentence + text;
  }
  return text.trim() === '' ? undefined : { text: text.trim(), joint: '\n\n', page: last.page };
}

function toChunk(headings: readonly string[], group: readonly Piece[]): Chunk {
  const text = group.reduce((all, { text: own, joint }) => (all === '' ? own : all + joint + own), '');
  const contentHash = hash('sha256', JSON.stringify([version, headings, text]));
  return { text, headings, page: group[0]?.page, contentHash };
}
