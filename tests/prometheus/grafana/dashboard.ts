// Which of Grafana's own types our dashboards use (@grafana/schema 13.2.3, Apache-2.0: LICENSE beside this file).
// dashboard.schema.json is these types as a JSON schema, made beside an installed @grafana/schema by
//   ts-json-schema-generator --path dashboard.ts --type Board --no-type-check --no-top-ref --expose none --jsDoc none
// and with what repeats put into $defs. Grafana leaves queries, a panel's options and custom fields open; they are
// closed here by the types of their plugins. Prometheus' annotations know `expr` and `titleFormat` besides.
import type { Options as Stat } from './node_modules/@grafana/schema/dist/types/raw/composable/stat/panelcfg/x/types.gen';
import type { Options as Time, FieldConfig as TimeField } from './node_modules/@grafana/schema/dist/types/raw/composable/timeseries/panelcfg/x/types.gen';
import type { Options as State, FieldConfig as StateField } from './node_modules/@grafana/schema/dist/types/raw/composable/statetimeline/panelcfg/x/types.gen';
import type { Options as Table, FieldConfig as TableField } from './node_modules/@grafana/schema/dist/types/raw/composable/table/panelcfg/x/types.gen';
import type * as raw from './node_modules/@grafana/schema/dist/types/raw/dashboard/x/types.gen';
type Target = {
  refId: string;
  datasource: raw.DataSourceRef;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: 'time_series' | 'table' | 'heatmap';
};
type Fields<F> = Omit<raw.FieldConfigSource, 'defaults'> & { defaults: Omit<raw.FieldConfig, 'custom'> & { custom?: F } };
type Of<T extends string, O, F> = Omit<raw.Panel, 'type' | 'options' | 'fieldConfig' | 'targets'> & {
  type: T;
  options: O;
  targets: Target[];
  fieldConfig: Fields<F>;
};
type Panel =
  | Of<'stat', Stat, {}>
  | Of<'timeseries', Time, TimeField>
  | Of<'state-timeline', State, StateField>
  | Of<'table', Partial<Table>, Partial<TableField>>
  | (Omit<raw.RowPanel, 'panels'> & { panels: [] });
type Mark = raw.AnnotationQuery & { expr?: string; titleFormat?: string };
export type Board = Omit<raw.Dashboard, 'panels' | 'annotations'> & { panels: Panel[]; annotations?: { list?: Mark[] } };
