import type { ComponentType } from 'preact'
import type { IconName } from '../components/parts/Icon.js'
import type { Scope } from '../state/caller.js'
import type { ViewPath, ViewProps } from './paths.js'

export interface View {
  load: () => Promise<ComponentType<ViewProps>>
  /** Its entry in the navigation; null: other views lead to it. */
  entry: { title: string; icon: IconName } | null
  /** What it needs. Default: read. */
  scope?: Scope
}

/** Every view by its path. A view is loaded when it is opened. The navigation shows the entries in this order. */
export const VIEWS: Record<ViewPath, View> = {
  '/': { load: async () => (await import('../views/home/Home.js')).Home, entry: { title: 'Home', icon: 'home' } },
  '/search': {
    load: async () => (await import('../views/results/Results.js')).Results,
    entry: { title: 'Photos', icon: 'photos' },
  },
  '/photos/:id': { load: async () => (await import('../views/photo/Photo.js')).Photo, entry: null },
  '/labels': {
    load: async () => (await import('../views/labels/LabelSets.js')).LabelSets,
    entry: { title: 'Labels', icon: 'label' },
  },
  '/labels/:set': { load: async () => (await import('../views/labels/LabelReview.js')).LabelReview, entry: null },
  '/map': {
    load: async () => (await import('../views/map/ProjectionMap.js')).ProjectionMap,
    entry: { title: 'Map', icon: 'map' },
  },
  '/duplicates': {
    load: async () => (await import('../views/duplicates/Duplicates.js')).Duplicates,
    entry: { title: 'Duplicates', icon: 'duplicates' },
  },
  '/runs': {
    load: async () => (await import('../views/runs/Runs.js')).Runs,
    entry: { title: 'Runs', icon: 'runs' },
    scope: 'ingest',
  },
  '/api': { load: async () => (await import('../views/reference/ApiReference.js')).ApiReference, entry: null },
  '/runs/:id': { load: async () => (await import('../views/runs/run/Run.js')).Run, entry: null, scope: 'ingest' },
}
