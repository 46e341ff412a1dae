import type { CommandFailureCode } from '../domain/errors.js'
import { errorCode, errorMessage } from '../domain/text/error-text.js'

/**
 * What an error of the server means for its client:
 * - `unreachable`: the connection is lost, or the server takes none
 * - `unavailable`: the server answers but cannot do its work, for a reason that the statement has no part in
 * - `busy`: other sessions hold what the statement needs
 * - `timeout`: the server or an administrator cancelled the statement
 * - `failed`: the same statement would fail again
 */
export type ConditionKind = 'unreachable' | 'unavailable' | 'busy' | 'timeout' | 'failed'

export interface Condition {
  kind: ConditionKind
  /** Message of the server with its SQLSTATE. */
  found: string
  /** What to do about it, as sentences. */
  advice: string
}

interface Rule {
  kind: ConditionKind
  states: RegExp
  /** Only errors with this message. */
  message?: RegExp
  advice: string
}

const CHECK_URL = 'Check that it runs and that DATABASE_URL is right.'
const CHECK_SCHEMA =
  'The schema is not as expected: "unsplash-clip db status" shows what is missing, "unsplash-clip db migrate" repairs it.'

const DISK_FULL = 'A disk of the server is full: free space there, or enlarge it.'
const DISK_FAILS = 'The operating system or a disk of the server fails: look at its log, and at the disk.'
/**
 * A file system that became read-only reports insufficient privilege, and an exceeded quota an internal error
 * (`errcode_for_file_access` of Postgres).
 */
const FILE_ACCESS = /^could not (?!access|load)\w+ (to |from |directory|file|block)/

/** https://www.postgresql.org/docs/current/errcodes-appendix.html; the first rule that matches applies. */
const RULES: readonly Rule[] = [
  {
    kind: 'unreachable',
    states: /^53300$/,
    advice:
      'Every connection is taken: raise max_connections, lower DATABASE_POOL_SIZE, run fewer workers, or put a pooler in front.',
  },
  {
    kind: 'unreachable',
    states: /^28...$/,
    advice: 'Correct the user and the password in DATABASE_URL, or the pg_hba.conf of the server.',
  },
  {
    kind: 'unreachable',
    states: /^(3D000|57P04)$/,
    advice: 'Create that database, or correct DATABASE_URL.',
  },
  {
    kind: 'unreachable',
    states: /^08P01$/,
    message: /unsupported startup parameter/,
    advice:
      'A pooler refuses what DATABASE_URL sets: leave options and statement_timeout out of it, or add them to ignore_startup_parameters of pgbouncer.',
  },
  // 25P03 and 25P04 are timeouts that end the session.
  { kind: 'unreachable', states: /^(08...|25P0[34]|57P0[1-5])$/, advice: CHECK_URL },
  {
    kind: 'unavailable',
    states: /^25006$/,
    advice:
      'It accepts no writes: it is a standby or a former primary, or default_transaction_read_only is on. Point DATABASE_URL to the primary, or turn that setting off.',
  },
  {
    kind: 'unavailable',
    states: /^53100$/,
    advice: DISK_FULL,
  },
  // A new connection writes this cache when it is missing; up to version 15 without the cause.
  { kind: 'unavailable', states: /^XX000$/, message: /^could not write init file/, advice: DISK_FULL },
  {
    kind: 'unavailable',
    states: /^53200$/,
    advice: 'The server is out of memory: give it more, lower work_mem or shared_buffers, or run fewer workers.',
  },
  {
    kind: 'unavailable',
    states: /^53...$/,
    advice: 'A limit of the server is reached: its log names the setting to raise.',
  },
  {
    kind: 'unavailable',
    states: /^58P01$/,
    message: /could not (access|load)|\$libdir/,
    advice: 'The files of an extension are missing on the server: install pgvector there again.',
  },
  {
    kind: 'unavailable',
    states: /^(42501|42809|XX000)$/,
    message: FILE_ACCESS,
    advice: DISK_FAILS,
  },
  { kind: 'unavailable', states: /^58...$/, advice: DISK_FAILS },
  {
    kind: 'unavailable',
    states: /^5[45]000$/,
    message: /wraparound/,
    advice: 'The server needs an administrator: run vacuum in that database, as its log says.',
  },
  {
    kind: 'busy',
    states: /^(40001|40P01|55P03)$/,
    advice: 'Other sessions hold the same rows or tables; pg_stat_activity shows them. Run the same command again.',
  },
  { kind: 'timeout', states: /^57014$/, message: /user request/, advice: 'An administrator cancelled it.' },
  {
    kind: 'timeout',
    states: /^57014$/,
    advice: 'If it needs more time, raise DATABASE_STATEMENT_TIMEOUT_MS; 0: no limit.',
  },
  {
    kind: 'failed',
    states: /^XX00[12]$/,
    advice:
      'Its files are damaged: check them with pg_amcheck; rebuild an index with reindex; restore a table from a backup. Find the cause (disk, memory) first.',
  },
  { kind: 'failed', states: /^(3F000|42P01|42703|42704|42883)$/, advice: CHECK_SCHEMA },
  {
    kind: 'failed',
    states: /^.....$/,
    advice: 'Look at the log of the server. If its data and its settings are in order, report this as a bug.',
  },
]

/** @returns null for an error that the server did not send */
export function conditionOf(error: unknown): Condition | null {
  const state = errorCode(error)
  if (!(error instanceof Error) || !('severity' in error)) return null
  const rule = RULES.find(({ states, message }) => states.test(state) && (message?.test(error.message) ?? true))
  if (rule === undefined) return null
  const { hint } = error as { hint?: string }
  const found = `${errorMessage(error)} (SQLSTATE ${state})`
  return { kind: rule.kind, found, advice: hint ? `${sentence(hint)} ${rule.advice}` : rule.advice }
}

function sentence(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

/** The code of each kind, and what the message says that the database does. */
export const CONDITIONS: Record<ConditionKind, { code: CommandFailureCode; verb: string }> = {
  unreachable: { code: 'DATABASE_UNREACHABLE', verb: 'cannot be reached' },
  unavailable: { code: 'DATABASE_UNAVAILABLE', verb: 'cannot work now' },
  busy: { code: 'DATABASE_BUSY', verb: 'is busy' },
  timeout: { code: 'DATABASE_TIMEOUT', verb: 'cancelled a statement' },
  failed: { code: 'DATABASE_FAILED', verb: 'refused a statement' },
}
