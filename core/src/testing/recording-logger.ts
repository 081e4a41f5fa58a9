// What tests look at when a house has spoken: the logger of rehearsals, under the name that tests know.

export { type LoggedLine, type RecordingLogger, recordingLogger } from '../server/recording-logger.ts';
