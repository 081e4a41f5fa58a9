// The configuration that the crash tests share: a durable queue, one domain of our own, Maildirs, a control socket.

import type { Configuration } from './server-process.ts';

export const DOMAIN = 'posthouse.test';
/** Seen from the server's folder. */
export const QUEUE = 'queue';
export const MAIL = 'mail';
export const CONTROL = 'control.sock';

/** @param sections what goes beside, or in the place of, the shared sections */
export function durableHouse(sections: Partial<Configuration> = {}): Configuration {
  return {
    control: { socket: `./${CONTROL}` },
    plugins: [durableStore(), acceptDomain(), deliverMaildir()],
    ...sections,
  };
}

/** @param config what differs from the store's defaults */
export function durableStore(config: object = {}): object {
  return { use: '@posthouse/store-sqlite', config: { path: `./${QUEUE}`, ...config } };
}

export function acceptDomain(): object {
  return { use: '@posthouse/accept-domains', config: { domains: [DOMAIN] } };
}

export function deliverMaildir(): object {
  return { use: '@posthouse/deliver-maildir', config: { domains: [DOMAIN], path: `./${MAIL}/{local}` } };
}
