// A journaled file system for the queues and mailboxes of all servers: without a journal, ext4 pays for every file
// that was ever deleted, and a comparison says nothing. Where the process may not mount, a plain folder must do.

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface BenchDisk extends Disposable {
  readonly folder: string;
  /** What it is, for the head of the report. */
  readonly description: string;
}

/** Octets; the image is sparse. */
const SIZE = 16 * 1024 ** 3;

export function benchDisk(): BenchDisk {
  const base = publicFolder();
  const image = join(base, 'disk.img');
  const folder = join(base, 'disk');
  try {
    writeFileSync(image, '');
    truncateSync(image, SIZE);
    execFileSync('mkfs.ext4', ['-q', image]);
    execFileSync('mkdir', [folder]);
    execFileSync('mount', ['-o', 'loop', image, folder]);
  } catch (error) {
    rmSync(base, { recursive: true, force: true });
    const plain = publicFolder();
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    return {
      folder: plain,
      description: `a plain folder (no loop mount: ${why})`,
      [Symbol.dispose]: () => rmSync(plain, { recursive: true, force: true }),
    };
  }
  return {
    folder,
    description: 'ext4 with a journal, mounted from an image',
    [Symbol.dispose]() {
      execFileSync('umount', ['-l', folder]);
      rmSync(base, { recursive: true, force: true });
    },
  };
}

/** Postfix's processes run as users of their own, and must be able to pass through. */
function publicFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'posthouse-bench-'));
  chmodSync(folder, 0o755);
  return folder;
}
