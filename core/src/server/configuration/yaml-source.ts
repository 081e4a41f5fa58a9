// Reads a YAML file into plain data, keeping the position of every key and value and putting secrets in.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml';
import { below, ConfigurationError, type Position, type Problem, pathOf } from './problem.ts';
import { expandSecrets, type SecretSources } from './secrets.ts';
import type { Source } from './source.ts';

/** Values in all, aliases followed: a few lines of YAML can stand for more than a memory holds. */
const MAX_VALUES = 200_000;

interface Place {
  readonly key: Position | undefined;
  readonly value: Position | undefined;
}

/**
 * The data, and what was wrong with single values. @param text what stands in the file, where it has been read. Throws a ConfigurationError when there is no data to
 * speak of.
 */
export function readYaml(
  file: string,
  environment: Readonly<Record<string, string | undefined>>,
  text = readText(file),
): { readonly source: Source; readonly problems: readonly Problem[] } {
  const folder = dirname(resolve(file));
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    stringKeys: true,
  });
  const broken = [...document.errors, ...document.warnings];
  if (broken.length > 0) {
    throw new ConfigurationError(
      broken.map(({ message, pos }) => {
        const { line, col } = lines.linePos(pos[0]);
        return { code: 'config-unreadable', file, position: { line, column: col }, path: '', text: message };
      }),
    );
  }
  const walk = new Walk(file, document, lines, { environment, folder });
  const value = walk.value(document.contents, '', undefined);
  const { places } = walk;
  const source: Source = {
    file,
    text,
    folder,
    value,
    secrets: walk.secrets,
    written: new Set(places.keys()),
    locate: (pointer, part) => {
      for (let at = pointer; ; at = at.slice(0, at.lastIndexOf('/'))) {
        const place = places.get(at);
        if (place) return place[part] ?? place.value ?? place.key;
        if (at === '') return undefined;
      }
    },
  };
  return { source, problems: walk.problems(value) };
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const text = code === 'ENOENT' ? 'does not exist' : `cannot be read: ${message}`;
    throw new ConfigurationError([{ code: 'config-unreadable', file, path: '', text }]);
  }
}

class Walk {
  readonly places = new Map<string, Place>();
  readonly secrets = new Set<string>();
  readonly #file: string;
  readonly #document: Document;
  readonly #lines: LineCounter;
  readonly #sources: SecretSources;
  readonly #found: { readonly code: Problem['code']; readonly pointer: string; readonly text: string }[] = [];
  /** The collections that are being read: an alias to one of them has no end. */
  readonly #open = new Set<Node>();
  #count = 0;

  constructor(file: string, document: Document, lines: LineCounter, sources: SecretSources) {
    this.#file = file;
    this.#document = document;
    this.#lines = lines;
    this.#sources = sources;
  }

  problems(value: unknown): readonly Problem[] {
    return this.#found.map(({ code, pointer, text }) => ({
      code,
      file: this.#file,
      position: this.places.get(pointer)?.value ?? this.places.get(pointer)?.key,
      path: pathOf(pointer, value),
      text,
    }));
  }

  value(node: unknown, pointer: string, key: Position | undefined): unknown {
    const target = isAlias(node) ? node.resolve(this.#document) : node;
    this.places.set(pointer, { key, value: this.#positionOf(node, key) });
    if (++this.#count > MAX_VALUES) {
      throw new ConfigurationError([
        {
          code: 'config-unreadable',
          file: this.#file,
          path: '',
          text: `stands for more than ${MAX_VALUES} values`,
        },
      ]);
    }
    if (isScalar(target)) return this.#scalar(target.value, pointer);
    if (!isMap(target) && !isSeq(target)) return null;
    if (this.#open.has(target)) {
      this.#found.push({
        code: 'config-unreadable',
        pointer,
        text: 'is an alias to something that it is part of',
      });
      return null;
    }
    this.#open.add(target);
    const result = isMap(target)
      ? this.#map(target.items, pointer)
      : target.items.map((item, index) => this.value(item, below(pointer, index), undefined));
    this.#open.delete(target);
    return result;
  }

  #map(
    pairs: readonly { readonly key: unknown; readonly value: unknown }[],
    pointer: string,
  ): Record<string, unknown> {
    // Keys are data: one that is called __proto__ is a member like any other.
    return Object.fromEntries(
      pairs.map(({ key, value }) => {
        const name = isScalar(key) ? String(key.value) : String(key);
        return [
          name,
          this.value(value, below(pointer, name), isScalar(key) ? this.#at(key.range?.[0]) : undefined),
        ];
      }),
    );
  }

  #scalar(value: unknown, pointer: string): unknown {
    if (typeof value !== 'string') return value;
    const expanded = expandSecrets(value, this.#sources);
    if (!expanded.ok) {
      this.#found.push({ code: expanded.code, pointer, text: expanded.text });
      return value;
    }
    if (expanded.secret) this.secrets.add(pointer);
    return expanded.text;
  }

  /** A block collection begins where its first member does, and nothing begins nowhere: their key tells a reader more. */
  #positionOf(node: unknown, key: Position | undefined): Position | undefined {
    if (!isNode(node)) return key;
    const block = (isMap(node) || isSeq(node)) && node.flow !== true;
    const empty = isScalar(node) && node.source === '';
    return (block || empty) && key !== undefined ? key : this.#at(node.range?.[0]);
  }

  #at(offset: number | undefined): Position | undefined {
    if (offset === undefined) return undefined;
    const { line, col } = this.#lines.linePos(offset);
    return { line, column: col };
  }
}
