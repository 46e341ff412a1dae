import type { Rewrite, RewriteName } from '../../domain/rewrite.js'

export type { Rewrite, RewriteName } from '../../domain/rewrite.js'

export const applied = (name: RewriteName, detail: string): Rewrite => ({ name, outcome: 'applied', detail })

export const notNeeded = (name: RewriteName, detail: string): Rewrite => ({ name, outcome: 'not-needed', detail })

export const leftOut = (name: RewriteName, detail: string): Rewrite => ({ name, outcome: 'left-out', detail })
