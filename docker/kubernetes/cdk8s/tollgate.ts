/*
 * tollgate.ts - puts tollgate beside the Postfix of what cdk8s-mailu makes.
 *
 *     const mailu = new MailuChart(app, 'mailu', {...});
 *     new Tollgate(mailu, { subnet: '10.42.0.0/16' });
 *
 * What it adds is what the overlay for kustomize adds: it reads ../mailu and
 * ../redis, so copy docker/kubernetes as a whole. Postfix's Deployment is found
 * by the label that cdk8s-mailu gives it. Construct it when the chart has all
 * it will have. The route is a second step, once the sidecars serve; see
 * `route`.
 */
import { createHash } from 'crypto';
import { readFileSync } from 'fs';
import { join } from 'path';
import { ApiObject, Chart, Include, JsonPatch, Yaml } from 'cdk8s';
import { Construct } from 'constructs';

export interface TollgateProps {
  /** The network of Mailu's pods, as in its SUBNET: they are not limited. */
  readonly subnet: string;

  /**
   * The limits: conf/profiles/NAME.conf.
   * @default small
   */
  readonly profile?: 'small' | 'medium' | 'large';

  /**
   * The name of a headless Service before Traefik's pods, whose addresses are
   * the only ones that a PROXY header is believed from.
   * @default traefik-pods.kube-system.svc.cluster.local
   */
  readonly traefik?: string;

  /**
   * The number of the user postfix in Mailu's image (`id -u postfix` there).
   * @default 100
   */
  readonly postfixUid?: number;

  /** @default tollgate:0.1.0 */
  readonly image?: string;

  /**
   * A tollgate.conf of yours, in place of ../mailu/common/tollgate.conf.
   */
  readonly config?: string;

  /**
   * Leads Traefik's entry point smtp to port 12525 of the Postfix pods, with the
   * PROXY protocol, lets no others in there, and takes every other route of that
   * entry point out of the chart. Until the sidecars serve nothing listens at
   * that port: first synthesise and apply without it.
   * @default false
   */
  readonly route?: boolean;
}

const COMPONENT = 'app.kubernetes.io/component';

/* What Traefik holds open for one client, by profile: ../mailu/NAME/route. */
const IN_FLIGHT = { small: 15, medium: 25, large: 50 };

const folder = join(__dirname, '..');

function labels(object: ApiObject): { [name: string]: string } {
  return object.toJson().metadata?.labels ?? {};
}

function objects(chart: Chart, kind: string): ApiObject[] {
  return chart.node.findAll().filter((it): it is ApiObject =>
    ApiObject.isApiObject(it) && it.kind === kind);
}

function deployment(chart: Chart): ApiObject {
  const found = objects(chart, 'Deployment').filter(
    it => labels(it)[COMPONENT] === 'postfix');
  if (found.length !== 1) {
    throw new Error(`Tollgate: ${found.length} Deployments of the chart ${chart.node.id} ` +
      `have the label ${COMPONENT}: postfix; there has to be one. Is MailuChart the scope?`);
  }
  return found[0];
}

/*
 * Patches what is written in the end. ApiObject.addJsonPatch comes too early for
 * an object of cdk8s-plus: its class writes only what it knows in the form that
 * it knows, and leaves out quantities that are text ("256Mi").
 */
function patch(object: ApiObject, change: (json: any) => JsonPatch[]) {
  const before = object.toJson.bind(object);
  object.toJson = () => {
    const json = before();
    return JsonPatch.apply(json, ...change(json));
  };
}

/* The lists that a step adds to ("/a/b/-") and that are not there. */
function missingLists(json: any, steps: { path: string }[]): JsonPatch[] {
  const lists = new Set(steps.filter(it => it.path.endsWith('/-')).map(it => it.path.slice(0, -2)));
  return [...lists]
    .filter(list => list.split('/').slice(1).reduce((at, part) => at?.[part], json) === undefined)
    .map(list => JsonPatch.add(list, []));
}

function isOtherRoute(object: ApiObject): boolean {
  const spec = object.toJson().spec ?? {};
  return (spec.entryPoints ?? []).includes('smtp');
}

export class Tollgate extends Construct {
  constructor(scope: Chart, props: TollgateProps) {
    super(scope, 'tollgate');
    const profile = props.profile ?? 'small';
    const files = {
      tollgate: { 'tollgate.conf': props.config ?? join(folder, 'mailu/common/tollgate.conf') },
      'tollgate-postfix-override': {
        'postfix.cf': join(folder, 'mailu/common/postfix.cf'),
        'postfix.master': join(folder, 'mailu/common/postfix.master'),
      },
    };
    const postfix = deployment(scope);
    const hash = createHash('sha256');
    for (const [name, paths] of Object.entries(files)) {
      const data = Object.fromEntries(Object.entries(paths).map(
        ([key, path]) => [key, readFileSync(path, 'utf8')]));
      hash.update(JSON.stringify(data));
      new ApiObject(this, name, { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data });
    }
    new Include(this, 'redis', { url: join(folder, 'redis/redis.yaml') });
    new Include(this, 'podmonitor', { url: join(folder, 'mailu/common/podmonitor.yaml') });
    this.addSidecar(postfix, hash.digest('hex'), {
      PROFILE: profile,
      SUBNET: props.subnet,
      TRAEFIK: props.traefik ?? 'traefik-pods.kube-system.svc.cluster.local',
      POSTFIX_UID: String(props.postfixUid ?? 100),
    }, props.image);
    if (props.route) this.addRoute(scope, profile);
  }

  /* Pods begin anew when a file changes, as with the names that kustomize makes. */
  private addSidecar(
    postfix: ApiObject, hash: string, env: { [name: string]: string }, image?: string) {
    const sidecar = '/spec/template/spec/containers/1';
    patch(postfix, json => {
      const [steps] = Yaml.load(join(folder, 'mailu/common/sidecar.yaml'));
      return [
        ...missingLists(json, steps),
        ...steps.map((step: any) => JsonPatch.add(step.path, step.value)),
        ...Object.entries(env).map(
          ([name, value]) => JsonPatch.add(`${sidecar}/env/-`, { name, value })),
        ...(image === undefined ? [] : [JsonPatch.replace(`${sidecar}/image`, image)]),
        JsonPatch.add('/spec/template/metadata/annotations', {
          ...json.spec.template.metadata?.annotations, 'tollgate/files': hash,
        }),
      ];
    });
  }

  private addRoute(chart: Chart, profile: keyof typeof IN_FLIGHT) {
    for (const other of objects(chart, 'IngressRouteTCP').filter(isOtherRoute)) {
      other.node.scope?.node.tryRemoveChild(other.node.id);
    }
    const route = new Include(this, 'route', { url: join(folder, 'mailu/route/traefik.yaml') });
    const [limit] = route.apiObjects.filter(it => it.kind === 'MiddlewareTCP');
    patch(limit, () => [JsonPatch.replace('/spec/inFlightConn/amount', IN_FLIGHT[profile])]);
    new Include(this, 'networkpolicy', { url: join(folder, 'mailu/route/networkpolicy.yaml') });
  }
}
