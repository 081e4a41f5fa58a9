// The rules of the configuration, each with its table: what stands in the configuration is read at once, files are
// given to whoever watches them.

import { PosthouseError } from '@posthouse/core';
import { parseAction } from './action.ts';
import type { Config, RuleEntry } from './config.ts';
import { Countries } from './countries.ts';
import type { LiveFile } from './live-files.ts';
import { type Format, type Kind, readTable, type Table } from './table.ts';

/** `table` and `countries` are those of the files as they were read last. */
export interface Rule {
  readonly of: Kind;
  /** Where its entries are, for the log. */
  readonly name: string;
  readonly header: string;
  table: Table;
  countries: Countries | undefined;
}

/** Throws a PosthouseError `config-invalid`. */
export function rulesOf({ rules }: Config): { rules: readonly Rule[]; files: readonly LiveFile[] } {
  const files: LiveFile[] = [];
  return { rules: rules.map((entry, index) => ruleOf(entry, `rules[${index}]`, files)), files };
}

function ruleOf(entry: RuleEntry, where: string, files: LiveFile[]): Rule {
  const { of, file, entries, format = 'list', action: written = 'REJECT', header, database } = entry;
  const refuse = (why: string) => new PosthouseError('config-invalid', `${where} ${why}`);
  if ((file === undefined) === (entries === undefined)) throw refuse('takes either a file or entries');
  if ((of === 'header') !== (header !== undefined))
    throw refuse(of === 'header' ? 'needs "header": which field' : '"header" is for of: header');
  if ((of === 'country') !== (database !== undefined))
    throw refuse(of === 'country' ? 'needs "database": a CSV file' : '"database" is for of: country');
  if (format !== 'list' && entry.action !== undefined)
    throw refuse(`takes no "action": the entries of ${format} have their own`);
  const action = parseAction(written);
  if (typeof action === 'string') throw refuse(`action: ${action}`);
  const read = (text: string, name: string) => readTable({ text, name }, format as Format, of, action);
  // Named as where they stand: the first entry is line 1.
  const first = read((entries ?? []).join('\n'), `${where}.entries`);
  if ('problems' in first) throw new PosthouseError('config-invalid', first.problems.join('\n'));
  const rule: Rule = {
    of,
    name: file ?? where,
    header: header ?? '',
    table: first.table,
    countries: undefined,
  };
  if (file !== undefined)
    files.push({
      path: file,
      use(text) {
        const reading = read(text, file);
        if ('problems' in reading) return reading.problems;
        rule.table = reading.table;
        return [];
      },
    });
  if (database !== undefined)
    files.push({
      path: database,
      use(text) {
        const countries = Countries.read(text, database);
        if (!(countries instanceof Countries)) return countries;
        rule.countries = countries;
        return [];
      },
    });
  return rule;
}
