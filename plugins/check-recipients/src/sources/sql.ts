// A database: PostgreSQL by pg, SQLite by Node itself, each loaded only where it is asked for. Parts of an address are
// bound as parameters; none of them is ever part of the SQL.

import { PosthouseError } from '@posthouse/core';
import type { Pool } from 'pg';
import type { SqlConfig } from '../config.ts';
import type { Address, PARTS, Source } from '../source.ts';

export interface Query {
  readonly text: string;
  readonly parts: readonly (typeof PARTS)[number][];
}

/** Throws `config-invalid`. @param timeout milliseconds */
export function sqlSource({ postgresql, sqlite, query, connections }: SqlConfig, timeout: number): Source {
  if ((postgresql === undefined) === (sqlite === undefined))
    throw invalid('either sql.postgresql or sql.sqlite, and not both');
  if (sqlite !== undefined) return sqliteSource(sqlite, compileQuery(query, '?'));
  return postgresSource(postgresql as string, compileQuery(query, '$'), connections, timeout);
}

/** @param sign what stands before the number of a parameter */
export function compileQuery(query: string, sign: '$' | '?'): Query {
  if (/'[^']*\{(?:address|local|domain)\}[^']*'/.test(query))
    throw invalid('sql.query: a part of the address is bound as a parameter; take the quotes around it away');
  const parts: (typeof PARTS)[number][] = [];
  const text = query.replace(/\{(address|local|domain)\}/g, (_, part: (typeof PARTS)[number]) => {
    if (!parts.includes(part)) parts.push(part);
    return `${sign}${parts.indexOf(part) + 1}`;
  });
  if (parts.length === 0) throw invalid('sql.query names no part of the address');
  return { text, parts };
}

function postgresSource(url: string, { text, parts }: Query, connections: number, timeout: number): Source {
  let opened: Promise<Pool> | undefined;
  const open = async (): Promise<Pool> => {
    const { default: pg } = await import('pg');
    const pool = new pg.Pool({
      connectionString: url,
      max: connections,
      connectionTimeoutMillis: timeout,
      query_timeout: timeout,
      statement_timeout: timeout,
      application_name: 'posthouse check-recipients',
    });
    // A connection that breaks while nobody uses it is replaced by the pool.
    pool.on('error', () => {});
    return pool;
  };
  return {
    name: `postgresql ${nameOf(url)}`,
    async knows(address) {
      opened ??= open();
      const { rows } = await (await opened).query(text, valuesOf(parts, address));
      return rows.length > 0;
    },
    async stop() {
      await (await opened)?.end();
    },
  };
}

function sqliteSource(path: string, { text, parts }: Query): Source {
  let close = (): void => {};
  let run: ((values: string[]) => unknown) | undefined;
  return {
    name: `sqlite ${path}`,
    async start() {
      const { DatabaseSync } = await import('node:sqlite');
      try {
        // It answers within the event loop, and so waits for nobody's lock.
        const database = new DatabaseSync(path, { readOnly: true, timeout: 0 });
        close = () => database.close();
        const statement = database.prepare(text);
        run = (values) => statement.get(...values);
      } catch (cause) {
        close();
        throw invalid(`sql: ${path}: ${(cause as Error).message}`, cause);
      }
    },
    knows(address) {
      if (run === undefined) throw new Error('not started');
      return run(valuesOf(parts, address)) !== undefined;
    },
    stop: () => close(),
  };
}

function valuesOf(parts: Query['parts'], address: Address): string[] {
  return parts.map((part) => address[part]);
}

/** Without the password. */
function nameOf(url: string): string {
  if (!URL.canParse(url)) throw invalid('sql.postgresql is no URL');
  const { host, pathname } = new URL(url);
  return `${host}${pathname}`;
}

function invalid(text: string, cause?: unknown): PosthouseError {
  return new PosthouseError('config-invalid', `check-recipients: ${text}`, { cause });
}
