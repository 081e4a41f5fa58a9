// Carries messages to their next hops, those that ask for more TLS than usual, or for less, over connections of their own.

import type { Delivery, Outcome } from '@posthouse/core';
import { type TransferServices, transfer } from '@posthouse/core/client';
import type { TargetFinder } from './target-finder.ts';
import type { TlsPolicies } from './tls-policies.ts';
import { isTlsNotRequired, isTlsRequired, keptAsFor, type MessageWish } from './tls-wishes.ts';

export class Carrier {
  readonly #services: TransferServices;
  readonly #finder: TargetFinder;
  readonly #policies: TlsPolicies;

  constructor(services: TransferServices, finder: TargetFinder, policies: TlsPolicies) {
    this.#services = services;
    this.#finder = finder;
    this.#policies = policies;
  }

  deliver(delivery: Delivery): Promise<Outcome | undefined> {
    if (isTlsRequired(delivery)) return this.#deliverAs(delivery, 'required');
    // Only where more is asked for than a message could do without is its header looked at.
    if (this.#policies.goesByPublished) return this.#deliverByHeader(delivery);
    return transfer(delivery, this.#services, () => this.#finder.find(delivery));
  }

  async #deliverByHeader(delivery: Delivery): Promise<Outcome | undefined> {
    if (await isTlsNotRequired(delivery.message)) return this.#deliverAs(delivery, 'not-required');
    return transfer(delivery, this.#services, () => this.#finder.find(delivery));
  }

  #deliverAs(delivery: Delivery, wish: MessageWish): Promise<Outcome | undefined> {
    const services = { ...this.#services, keptAs: keptAsFor(delivery.destination, wish) };
    return transfer(delivery, services, () => this.#finder.find(delivery, wish));
  }
}
