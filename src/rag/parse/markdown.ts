import type { ListItem, Nodes, RootContent } from 'mdast';
import { fromMarkdown } from 'mdast-util-from-markdown';
import { gfmFromMarkdown } from 'mdast-util-gfm';
import { toString } from 'mdast-util-to-string';
import { gfm } from 'micromark-extension-gfm';
import { tidy, type Block, type StructuredText } from './structured.ts';

const FRONT_MATTER = /^---\n[\s\S]*?\n(?:---|\.\.\.)\n/;

/** CommonMark with GitHub's tables and lists, by micromark. */
export function parseMarkdown(text: string): StructuredText {
  const plain = text.replaceAll('\r\n', '\n').replace(FRONT_MATTER, '');
  const tree = fromMarkdown(plain, { extensions: [gfm()], mdastExtensions: [gfmFromMarkdown()] });
  const blocks: Block[] = [];
  for (const node of tree.children) collect(node, blocks);
  const title = blocks.find((block) => block.kind === 'heading' && block.level === 1);
  return {
    format: 'markdown',
    title: title?.kind === 'heading' ? title.text : undefined,
    pages: undefined,
    blocks,
  };
}

function collect(node: RootContent, blocks: Block[]): void {
  if (node.type === 'heading') add(blocks, { kind: 'heading', level: node.depth, text: textOf(node) });
  else if (node.type === 'paragraph') add(blocks, { kind: 'paragraph', text: textOf(node) });
  else if (node.type === 'code') add(blocks, { kind: 'code', text: node.value.trimEnd() });
  else if (node.type === 'table')
    blocks.push({
      kind: 'table',
      rows: node.children.map((row) => row.children.map((cell) => textOf(cell))),
    });
  else if (node.type === 'list') for (const item of node.children) collectItem(item, blocks);
  else if (node.type === 'blockquote' || node.type === 'footnoteDefinition')
    for (const child of node.children) collect(child, blocks);
  // Tags go, their text stays: comments and scripts are no text.
  else if (node.type === 'html') add(blocks, { kind: 'paragraph', text: tidy(withoutTags(node.value)) });
}

function collectItem({ children }: ListItem, blocks: Block[]): void {
  for (const child of children)
    if (child.type === 'paragraph') add(blocks, { kind: 'item', text: textOf(child) });
    else collect(child, blocks);
}

function withoutTags(html: string): string {
  return html
    .replaceAll(/<!--[\s\S]*?-->/g, ' ')
    .replaceAll(/<(script|style)\b[\s\S]*?<\/\1\s*>/gi, ' ')
    .replaceAll(/<[^>]*>/g, ' ');
}

function textOf(node: Nodes): string {
  return tidy(toString(node, { includeImageAlt: true, includeHtml: false }));
}

function add(blocks: Block[], block: Exclude<Block, { kind: 'table' }>): void {
  if (block.text !== '') blocks.push(block);
}
