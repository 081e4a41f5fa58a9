// The certificate of the test houses: self-signed, for house.example, in test/fixtures.

import { fileURLToPath } from 'node:url';

const fixture = (name: string): string => fileURLToPath(new URL(`../../fixtures/${name}`, import.meta.url));

export const CERTIFICATE = {
  cert: fixture('house.example.cert.pem'),
  key: fixture('house.example.key.pem'),
} as const;
