// Package gatewayapi runs the mesh tests of Gateway API's conformance suite, with the suite's own flags
// (conformance/utils/flags); all that decides is the suite's.
package gatewayapi

import (
	"flag"
	"io/fs"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/client-go/kubernetes"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/config"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	meshtests "sigs.k8s.io/gateway-api/conformance/tests/mesh"
	suiteconfig "sigs.k8s.io/gateway-api/conformance/utils/config"
	suiteflags "sigs.k8s.io/gateway-api/conformance/utils/flags"
	"sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/yaml"
)

var manifests = flag.String("manifests", "", "folder of the suite's module, where its manifests are")

func TestMesh(t *testing.T) {
	given := options(t)
	conformance, err := suite.NewConformanceTestSuite(given)
	require.NoError(t, err)
	if given.ReportOutputPath != "" {
		t.Cleanup(func() { writeReport(t, conformance, given.ReportOutputPath) })
	}
	conformance.Setup(t, meshtests.MeshConformanceTests)
	require.NoError(t, conformance.Run(t, meshtests.MeshConformanceTests))
}

// options is what the suite's conformance.DefaultOptions answers. That one brings the tests of gateways with it, of which
// none is run here.
func options(t *testing.T) suite.ConformanceOptions {
	log.SetLogger(zap.New(zap.WriteTo(os.Stdout)))
	rest, err := config.GetConfig()
	require.NoError(t, err)
	objects, err := client.New(rest, client.Options{})
	require.NoError(t, err)
	require.NoError(t, gatewayv1.Install(objects.Scheme()))
	require.NoError(t, apiextensionsv1.AddToScheme(objects.Scheme()))
	pods, err := kubernetes.NewForConfig(rest)
	require.NoError(t, err)
	configurable := suite.ConfigurableOptions{
		CleanupBaseResources: suiteflags.DefaultCleanupBaseResources,
		CleanupTestResources: suiteflags.DefaultCleanupTestResources,
		Mode:                 suiteflags.DefaultMode,
		TimeoutConfig:        suiteconfig.DefaultTimeoutConfig(),
	}
	suiteflags.ApplyAll(&configurable)
	return suite.ConformanceOptions{
		ConfigurableOptions: configurable,
		Client:              objects,
		Clientset:           pods,
		RestConfig:          rest,
		ManifestFS:          []fs.FS{os.DirFS(*manifests)},
	}
}

func writeReport(t *testing.T, conformance *suite.ConformanceTestSuite, path string) {
	report, err := conformance.Report()
	require.NoError(t, err)
	written, err := yaml.Marshal(report)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, written, 0o644))
}
