#!/bin/bash
# cdk8s 2.70.106 with cdk8s-plus-33 2.5.57 (npm).
#
# ApiObject.addJsonPatch is said to change what is written, after all else. One
# would think that a container which a patch adds arrives whole, in whatever
# object, as it does in an object made by ApiObject itself.
#
# In an object of cdk8s-plus (kplus.Deployment) the patch comes first, and then
# the generated class writes what it knows. Quantities are objects of its own
# there, so "256Mi" as text is left out, with no error: the container has no
# limit of memory, the emptyDir no size. Fields that it has never heard of go
# likewise.
. "$(dirname "$0")/lib.sh"

command -v npm >/dev/null || { echo "npm is needed" >&2; exit 2; }
cd "$folder"
npm install --silent --no-audit --no-fund --no-package-lock --cache "$folder/npm" \
    cdk8s@2.70.106 cdk8s-plus-33@2.5.57 constructs@10.8.1 || exit 2
cat >show.js <<'END'
const { ApiObject, JsonPatch, Testing } = require('cdk8s');
const { Deployment } = require('cdk8s-plus-33');
const patches = [
  JsonPatch.add('/spec/template/spec/containers/1', {
    name: 'beside', image: 'beside', newerField: true,
    resources: { limits: { memory: '256Mi' } },
  }),
  JsonPatch.add('/spec/template/spec/volumes', [
    { name: 'run', emptyDir: { sizeLimit: '16Mi' } },
  ]),
];

function show(title, make) {
  const chart = Testing.chart();
  make(chart).addJsonPatch(...patches);
  const { containers, volumes } = Testing.synth(chart)[0].spec.template.spec;
  const { name, newerField, resources } = containers[1];
  console.log(title, JSON.stringify({
    name, newerField, limits: resources.limits, emptyDir: volumes[0].emptyDir,
  }));
}

show('ApiObject', chart => new ApiObject(chart, 'one', {
  apiVersion: 'apps/v1', kind: 'Deployment',
  spec: { template: { spec: { containers: [{ name: 'first', image: 'first' }] } } },
}));
show('cdk8s-plus', chart => ApiObject.of(
  new Deployment(chart, 'one', { containers: [{ image: 'first' }] })));
END
expect 'ApiObject {"name":"beside","newerField":true,"limits":{"memory":"256Mi"},"emptyDir":{"sizeLimit":"16Mi"}}
cdk8s-plus {"name":"beside","limits":{},"emptyDir":{}}' "$(node show.js)"
