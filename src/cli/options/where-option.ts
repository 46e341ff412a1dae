import type { Command } from 'commander'
import { WHERE_SYNTAX } from '../../domain/where/parse-where.js'
import { collect } from './arguments.js'

/** Adds `--where`, which is the same in all commands. `parseWhere` reads its values. */
export function addWhereOption(command: Command): Command {
  return command.option('--where <condition>', `only photos whose metadata match: ${WHERE_SYNTAX}; repeatable`, collect)
}
