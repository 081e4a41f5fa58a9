// The door of configuration/: reading, checking, and what is derived from the schemas.

export { didYouMean, nearest } from './near-words.ts';
export { withNoticeFiles } from './notice-templates.ts';
export { asPlugin, importPackage, installedPlugins, loadPlugin } from './plugin-modules.ts';
export { ConfigurationError, formatProblem, type Position, type Problem, quote } from './problem.ts';
export { REDACTED, redacted } from './redacted.ts';
export { configurationReference, configurationTable } from './reference.ts';
export { controlSocketOf, loadConfiguration, resolveDefinition, usesOf } from './resolve.ts';
export { configurationSchema, type PluginSchema } from './schema-document.ts';
export {
  formatByteSize,
  formatDuration,
  formatRate,
  parseByteSize,
  parseDuration,
  parseRate,
  roughByteSize,
  roughDuration,
} from './units.ts';
