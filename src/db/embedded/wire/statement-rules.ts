// Statements of clients that the one session of the embedded engine cannot run as they are, and what runs instead.

/** Fails like an ordinary statement, so the transaction is left in the right state. */
const refusal = (text: string): string =>
  `do $refuse$ begin raise exception using errcode = '0A000', message = '${text}'; end $refuse$`
export const NO_FUNCTION_CALLS = refusal(
  'The embedded database takes no function calls (fast path). Call the function in a SELECT, or set DATABASE_URL to use a server.',
)

/** The engine's timers for these end its only session. */
const SESSION_ENDING =
  /\b(?:set|set_config)\b[\s\S]*\b(?:idle_in_transaction_session_timeout|idle_session_timeout|transaction_timeout)\b/i
const DISABLES =
  /^\s*set\s+(?:(?:session|local)\s+)?(?:idle_in_transaction_session_timeout|idle_session_timeout|transaction_timeout)\s*(?:=|\bto\b)\s*(?:'?0'?(?:ms|s|min)?'?|default)\s*;?\s*$/i
export const NO_SESSION_TIMEOUTS = refusal(
  'The embedded database has no time limits for sessions and transactions: all clients share one session. Do not set them, or set DATABASE_URL to use a server.',
)

const CHANGES_SETTINGS = /\bset_config\b/i
const IS_SET_LOCAL = /^\s*set\s+local\b/i
/** In the engine they would forget the prepared statements of all clients. */
export const FORGETS = /^\s*(discard\s+all|deallocate\s+(?:prepare\s+)?all)\s*;?\s*$/i
/** Takes their place in a pipeline. */
export const FORGET_OWN = 'reset all'

export const isRefused = (sql: string): boolean => SESSION_ENDING.test(sql) && !DISABLES.test(sql)

/** Returns whether settings of the session may differ after a statement; those of `set local` end with its transaction. */
export const mayChangeSettings = (sql: string): boolean =>
  CHANGES_SETTINGS.test(sql) || (!IS_SET_LOCAL.test(sql) && /\b(?:re)?set\b/i.test(sql))
