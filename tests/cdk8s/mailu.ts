/*
 * mailu.ts - the part of a Mailu that Tollgate changes, made as cdk8s-mailu
 * makes it: a Deployment of cdk8s-plus with the label of its component, a
 * volume, and a route of the same entry point to port 25. Writes to dist/.
 *
 *     node mailu.js WHAT [PROFILE]   plain, sidecar, route, twice or none
 */
import { ApiObject, App, Chart } from 'cdk8s';
import { Deployment, Volume } from 'cdk8s-plus-33';
import { Tollgate, TollgateProps } from './kubernetes/cdk8s/tollgate';

const what = process.argv[2];
const profile = (process.argv[3] ?? 'medium') as TollgateProps['profile'];

function component(chart: Chart, name: string) {
  const labels = { 'app.kubernetes.io/component': name };
  const deployment = new Deployment(chart, `deployment-${name}`, {
    replicas: 1, metadata: { labels }, podMetadata: { labels },
  });
  const container = deployment.addContainer({
    name, image: `mailu/${name}:2024.06`,
    securityContext: { ensureNonRoot: false, readOnlyRootFilesystem: false },
    portNumber: 25,
  });
  container.mount('/queue', Volume.fromEmptyDir(deployment, 'queue', 'queue'));
  return deployment;
}

const app = new App({ outdir: 'dist' });
const chart = new Chart(app, 'simple', { namespace: 'mail' });
component(chart, 'front');
if (what !== 'none') component(chart, 'postfix');
if (what === 'twice') component(new Chart(chart, 'other'), 'postfix');
new ApiObject(chart, 'smtp-route', {
  apiVersion: 'traefik.io/v1alpha1', kind: 'IngressRouteTCP', metadata: { name: 'mailu-smtp' },
  spec: { entryPoints: ['smtp'], routes: [{ match: 'HostSNI(`*`)', services: [{ name: 'postfix', port: 25 }] }] },
});
new ApiObject(chart, 'imap-route', {
  apiVersion: 'traefik.io/v1alpha1', kind: 'IngressRouteTCP', metadata: { name: 'mailu-imaps' },
  spec: { entryPoints: ['imaps'], routes: [{ match: 'HostSNI(`*`)', services: [{ name: 'front', port: 993 }] }] },
});
if (what !== 'plain') {
  new Tollgate(chart, {
    subnet: '10.42.0.0/16', profile, postfixUid: 101,
    image: 'example/tollgate:0.1.0', route: what === 'route',
  });
}
app.synth();
