import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { packageRoot } from '../../package-root.js'

const EXTENSION = '.sql'
const NUMBERED = /^\d{4}_\w+\.sql$/
const REQUIRES = /^-- requires: (.+)$/gm
const DEFINES = /^create or replace (function|procedure|view) (\w+)/gm

/** A numbered file: tables, applied once in the order of names, and never edited afterwards. */
export interface TableFile {
  /** File name without `.sql`. */
  name: string
  sql: string
  sha256: string
}

/** A file in `functions/`: one function or view of the same name, applied again when the file changes. */
export interface FunctionFile {
  /** File name without `.sql`, and name of the function or view. */
  name: string
  /** Path in the folder of migrations, for messages. */
  path: string
  /** Names of functions and views that must exist before this one is created: its header `-- requires: a, b`. */
  requires: string[]
  sql: string
  sha256: string
}

export interface MigrationFiles {
  tables: TableFile[]
  /** In the order in which they can be created. */
  functions: FunctionFile[]
}

/** Reads the migrations. @param folder default: that of this package */
export function readMigrationFiles(folder = join(packageRoot(), 'migrations')): MigrationFiles {
  const tables = readdirSync(folder)
    .filter(file => NUMBERED.test(file))
    .sort()
  const functions = join(folder, 'functions')
  return {
    tables: tables.map(file => ({ name: basename(file, EXTENSION), ...contents(join(folder, file)) })),
    functions: existsSync(functions) ? inOrder(sqlFiles(functions).map(path => readFunction(folder, path))) : [],
  }
}

function contents(file: string): { sql: string; sha256: string } {
  const sql = readFileSync(file, 'utf8')
  return { sql, sha256: createHash('sha256').update(sql).digest('hex') }
}

/** Returns the paths of all `.sql` files in a folder and its subfolders, sorted. */
function sqlFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(folder, entry.name)
      if (entry.isDirectory()) return sqlFiles(path)
      return entry.name.endsWith(EXTENSION) ? [path] : []
    })
    .sort()
}

function readFunction(folder: string, path: string): FunctionFile {
  const name = basename(path, EXTENSION)
  const { sql, sha256 } = contents(path)
  const defined = [...sql.matchAll(DEFINES)].map(([, , object]) => object!)
  if (defined.length !== 1 || defined[0] !== name)
    throw new Error(`${path}: expected one "create or replace" of ${name}, found ${defined.join(', ') || 'none'}`)
  const requires = [...sql.matchAll(REQUIRES)].flatMap(([, names]) => names!.split(',').map(other => other.trim()))
  return { name, path: path.slice(folder.length + 1), requires, sql, sha256 }
}

/**
 * Sorts each file after those that it requires, otherwise as given.
 * @throws for an unknown name, a name used twice, or a cycle
 */
function inOrder(files: readonly FunctionFile[]): FunctionFile[] {
  const byName = new Map<string, FunctionFile>()
  for (const file of files) {
    const twin = byName.get(file.name)
    if (twin !== undefined) throw new Error(`${file.path}: ${file.name} is already defined in ${twin.path}`)
    byName.set(file.name, file)
  }
  const ordered = new Set<FunctionFile>()
  const visit = (file: FunctionFile, below: readonly string[]): void => {
    if (ordered.has(file)) return
    if (below.includes(file.name)) throw new Error(`${file.path} requires itself: ${[...below, file.name].join(' > ')}`)
    for (const name of file.requires) {
      const required = byName.get(name)
      if (required === undefined) throw new Error(`${file.path} requires ${name}, which no file defines`)
      visit(required, [...below, file.name])
    }
    ordered.add(file)
  }
  for (const file of files) visit(file, [])
  return [...ordered]
}
