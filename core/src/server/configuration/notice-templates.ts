// The operator's words for notices: from the configuration itself, or from files in a folder. Read and checked at the
// start, so that a mistake in them is never met by a message.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DeliverySettings } from '../../contract/index.ts';
import { ACTIONS, type Action, parseNoticeTemplate } from '../../delivery/index.ts';
import { didYouMean } from './near-words.ts';
import type { Complaint } from './semantics.ts';
import { isPlain } from './source.ts';

/** The settings with the templates of the folder in place. Throws where a file cannot be read. */
export function withNoticeFiles(settings: DeliverySettings): DeliverySettings {
  const folder = settings.notices?.folder;
  if (folder === undefined) return settings;
  const texts = Object.fromEntries(
    filesIn(folder).map((file) => [actionOf(file), readFileSync(join(folder, file), 'utf8')]),
  );
  return { ...settings, notices: { ...texts, ...settings.notices } };
}

/** @param notices as it is, whether or not the schema is content with it */
export function noticeComplaints(notices: unknown): readonly Complaint[] {
  if (!isPlain(notices)) return [];
  const complaints: Complaint[] = [];
  const complain = (key: string, text: string): unknown =>
    complaints.push({ code: 'config-invalid', pointer: `/delivery/notices/${key}`, text });
  for (const action of ACTIONS) {
    const source = notices[action];
    if (typeof source !== 'string') continue;
    const fault = faultOf(source, action);
    if (fault !== undefined) complain(action, fault);
  }
  const { folder } = notices;
  if (typeof folder !== 'string') return complaints;
  try {
    for (const file of filesIn(folder)) {
      const fault = faultOfFile(folder, file, notices);
      if (fault !== undefined) complain('folder', `${file} ${fault}`);
    }
  } catch (error) {
    complain('folder', `cannot be read: ${(error as Error).message}`);
  }
  return complaints;
}

function faultOfFile(
  folder: string,
  file: string,
  notices: Readonly<Record<string, unknown>>,
): string | undefined {
  const name = actionOf(file);
  const action = ACTIONS.find((each) => each === name);
  if (action === undefined)
    return `is no notice${didYouMean(name, ACTIONS) || `; there are ${ACTIONS.join(', ')}`}`;
  if (notices[action] !== undefined) return `stands in the configuration too; keep one of them`;
  return faultOf(readFileSync(join(folder, file), 'utf8'), action);
}

function faultOf(source: string, action: Action): string | undefined {
  const parsed = parseNoticeTemplate(source, action);
  return 'fault' in parsed ? parsed.fault : undefined;
}

function filesIn(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.txt'))
    .sort();
}

function actionOf(file: string): string {
  return file.slice(0, -'.txt'.length);
}
