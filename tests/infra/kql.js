// Analyses KQL with Microsoft's own parser, without a workspace.
// In: [{"name", "query"}] on stdin. Out: [{"name", "problems": [...], "columns": [...]}].
require("@kusto/language-service-next/bridge.min.js");
require("@kusto/language-service-next/Kusto.Language.Bridge.min.js");
const K = Kusto.Language;

const everywhere = "TimeGenerated: datetime, OperationId: string, OperationName: string, ParentId: string, Properties: dynamic, " +
  "Measurements: dynamic, AppRoleName: string, AppRoleInstance: string, AppVersion: string, SDKVersion: string, ItemCount: int, " +
  "Type: string, _BilledSize: real, _ResourceId: string";
const tables = {
  AppTraces: "Message: string, SeverityLevel: int",
  AppRequests: "Id: string, Name: string, Url: string, Success: bool, ResultCode: string, DurationMs: real",
  AppDependencies: "Id: string, Name: string, Target: string, DependencyType: string, Data: string, Success: bool, " +
    "ResultCode: string, DurationMs: real",
  AppExceptions: "ExceptionType: string, OuterMessage: string, OuterType: string, InnermostMessage: string, " +
    "InnermostType: string, ProblemId: string, Method: string, Details: dynamic, SeverityLevel: int",
  AppPerformanceCounters: "Name: string, Category: string, Counter: string, Instance: string, Value: real",
  AppMetrics: "Name: string, Sum: real, Min: real, Max: real",
  AppAvailabilityResults: "Id: string, Name: string, Location: string, Success: bool, Message: string, DurationMs: real",
};
const workspace = {
  _LogOperation: "TimeGenerated: datetime, Category: string, Operation: string, Level: string, Detail: string, _ResourceId: string",
};
const symbols = Object.entries(tables).map(([name, columns]) =>
  K.Symbols.TableSymbol.From(`(${everywhere}, ${columns})`).WithName(name)).concat(
  Object.entries(workspace).map(([name, columns]) => K.Symbols.TableSymbol.From(`(${columns})`).WithName(name)));
const globals = K.GlobalState.Default.WithDatabase(new K.Symbols.DatabaseSymbol.$ctor1("workspace", symbols));

function each(list) {
  return Array.from({ length: list.Count }, (_, index) => list.getItem(index));
}

function analyse({ name, query }) {
  const code = K.KustoCode.ParseAndAnalyze(query, globals);
  const problems = each(code.GetDiagnostics()).map((d) => `${d.Message} At: ${query.slice(d.Start, d.Start + 40)}`);
  const columns = code.ResultType && code.ResultType.Columns ? each(code.ResultType.Columns).map((column) => column.Name) : [];
  return { name, problems, columns };
}

const queries = JSON.parse(require("fs").readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(queries.map(analyse)));
