// Everything that is given octets or text from outside.

import * as client from './client-targets.ts';
import * as dialogue from './dialogue-targets.ts';
import type { Target } from './fuzzer.ts';
import { sasl } from './sasl-target.ts';
import * as text from './text-targets.ts';

export const TARGETS: readonly Target[] = [
  ...Object.values(dialogue),
  ...Object.values(client),
  ...Object.values(text),
  sasl,
];
