/** Why a server that answers refuses a command. */
export interface RedisRefusal {
  /** Completes "Redis at … ". */
  what: string
  whatToDo: string
}

const OUT_OF_MEMORY = /\bOOM\b/
const READ_ONLY = /\bREADONLY\b|^UNBLOCKED\b/
const FORBIDDEN = /\bNOPERM\b|can't run this command or subcommand|can't access (this|at least one)/

/** By the first word of the reply, which in scripts of Redis before 7 lies in the middle. */
const REFUSALS: [reply: RegExp, what: string, whatToDo: string][] = [
  [
    OUT_OF_MEMORY,
    'has reached its maxmemory and accepts nothing new',
    'Workers free memory as they take batches; otherwise raise maxmemory, or lower MAX_WAITING_BATCHES.',
  ],
  [
    READ_ONLY,
    'is a replica, or has become one, and accepts no writes',
    'Point REDIS_URL to the master, or use redis-sentinel://, which follows it.',
  ],
  [/\bMASTERDOWN\b/, 'is a replica that has lost its master', 'Start the master, or point REDIS_URL to the new one.'],
  [
    /\bMISCONF\b/,
    'cannot save its data to disk and therefore accepts no writes',
    'Make room on its disk, or correct its `dir`; its log has the cause.',
  ],
  [/\bLOADING\b/, 'is still loading its data', 'It answers when it has finished.'],
  [
    /\bCLUSTERDOWN\b/,
    'is a Cluster in which a part of the hash slots has no node',
    'Start the missing nodes, or let a replica take over: redis-cli --cluster check.',
  ],
  [/\bTRYAGAIN\b/, 'is moving the hash slot of the queue', 'It answers when the slot has moved.'],
  [
    /\bNOREPLICAS\b/,
    'has fewer replicas than its min-replicas-to-write and accepts no writes',
    'Start the replicas, or lower min-replicas-to-write.',
  ],
  [/^BUSY\b/, 'is busy with a script', 'If it does not end: redis-cli SCRIPT KILL.'],
  [
    /max number of clients/,
    'has reached its maxclients and accepts no more connections',
    'Raise maxclients, or run fewer processes.',
  ],
  [
    FORBIDDEN,
    'does not permit this user a command or a key that the queue needs',
    'Grant both: ACL SETUSER name +@all -@dangerous +info ~*QUEUE_NAME* (docs/guides/deployment.md).',
  ],
  [
    /\bNOAUTH\b|\bWRONGPASS\b|invalid password|invalid username-password/,
    'does not accept this user and password',
    'Correct them in REDIS_URL: redis://user:password@host:6379.',
  ],
  [
    /\bDENIED\b/,
    'runs in protected mode, which excludes other machines',
    'Set a password there (requirepass), or `bind`.',
  ],
  [/^(MOVED|ASK)\b/, 'is a node of a Cluster', 'Write REDIS_URL as redis-cluster://host1:7000,host2:7000.'],
]

/** Why Redis refused a command; null: the error is no such reply. */
export function refusalOf(error: unknown): RedisRefusal | null {
  if (!(error instanceof Error)) return null
  const refusal = REFUSALS.find(([reply]) => reply.test(error.message))
  return refusal ? { what: `${refusal[1]} (${firstSentence(error.message)})`, whatToDo: refusal[2] } : null
}

/** Whether Redis refused a command for lack of memory. Commands that free memory still succeed. */
export function isOutOfMemory(error: unknown): boolean {
  return error instanceof Error && OUT_OF_MEMORY.test(error.message)
}

/** Whether Redis refused a command for a reason that stays until somebody changes a setting: a replica, a missing right. */
export function isLastingRefusal(error: unknown): boolean {
  return error instanceof Error && (READ_ONLY.test(error.message) || FORBIDDEN.test(error.message))
}

/** The reply without the position in the script that got it. */
function firstSentence(reply: string): string {
  return reply.split(/\.? script: |\. /)[0]!.replace(/\.$/, '')
}
