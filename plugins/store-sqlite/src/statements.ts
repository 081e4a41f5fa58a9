// The engine's SQL, compiled once for each open store.

import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { WAITING } from './rows.ts';

export type Statements = ReturnType<typeof compileStatements>;

export function compileStatements(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  const firstDue = 'SELECT transport, destination, min(due) AS due FROM item INDEXED BY item_leased';
  const columns = 'transport = ?, destination = ?, state = ?, due = ?, rest = ?';
  const noItem = `NOT EXISTS (SELECT 1 FROM item WHERE item.message = ?1)
    AND NOT EXISTS (SELECT 1 FROM damaged WHERE damaged.message = ?1)`;
  return {
    begin: sql('BEGIN IMMEDIATE'),
    commit: sql('COMMIT'),
    rollback: sql('ROLLBACK'),
    putMessage: sql('INSERT INTO message (id, record, size, file, body) VALUES (?, ?, ?, ?, ?)'),
    hasMessage: sql('SELECT 1 FROM message WHERE id = ?'),
    putItem: sql('INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)'),
    update: sql(`UPDATE item SET ${columns}, owner = NULL, lease_until = NULL WHERE id = ?`),
    progress: sql(`UPDATE item SET ${columns} WHERE id = ?`),
    isFree: sql(`SELECT 1 FROM item WHERE id = ? AND lease_until IS NULL AND state = ${WAITING}`),
    removeItem: sql('DELETE FROM item WHERE id = ?'),
    // The last item takes the message along. Almost always its body is inline, and there is no name to be asked for.
    removeInline: sql(`DELETE FROM message WHERE id = ?1 AND file IS NULL AND ${noItem}`),
    removeFiled: sql(`DELETE FROM message WHERE id = ?1 AND file IS NOT NULL AND ${noItem} RETURNING file`),
    setAside: sql('INSERT INTO damaged (item, message, reason, content) VALUES (?, ?, ?, ?)'),
    body: sql('SELECT size, file, body FROM message WHERE id = ?'),
    lease: sql('UPDATE item SET owner = ?, lease_until = ? WHERE id = ?'),
    renew: sql('UPDATE item SET lease_until = ? WHERE lease_until IS NOT NULL AND owner = ?'),
    anyExpired: sql('SELECT 1 FROM item WHERE lease_until <= ? LIMIT 1'),
    expiredLanes: sql(`${firstDue} WHERE lease_until <= ? AND state = ${WAITING} GROUP BY 1, 2`),
    freeExpired: sql('UPDATE item SET owner = NULL, lease_until = NULL WHERE lease_until <= ?'),
    ownedLanes: sql(
      `${firstDue} WHERE lease_until IS NOT NULL AND owner = ? AND state = ${WAITING} GROUP BY 1, 2`,
    ),
    freeOwned: sql(
      'UPDATE item SET owner = NULL, lease_until = NULL WHERE lease_until IS NOT NULL AND owner = ?',
    ),
    owners: sql('SELECT id FROM owner'),
    removeOwner: sql('DELETE FROM owner WHERE id = ?'),
    suspend: sql(
      'INSERT INTO suspended (transport, destination, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING',
    ),
    resume: sql('DELETE FROM suspended WHERE transport = ? AND destination = ?'),
    suspended: sql('SELECT transport, destination, since FROM suspended ORDER BY since'),
    fileInUse: sql('SELECT 1 FROM message WHERE file = ?'),
  };
}
