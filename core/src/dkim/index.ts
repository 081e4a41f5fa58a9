// The door of what DKIM hashes, public as `@posthouse/core/dkim`: for plugins that sign and for those that verify.

export { BodyHash, type Canonicalization } from './body-hash.ts';
export { canonicalField, signingInput } from './canonical-field.ts';
