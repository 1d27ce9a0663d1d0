// An API server of Kubernetes with an etcd of its own, in one process. Its flags are those of kube-apiserver; ETCD_DIR is
// where etcd keeps its data, and ETCD_CLIENT and ETCD_PEER are the addresses that it listens on.
package main

import (
	"fmt"
	"net/url"
	"os"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func address(variable string) []url.URL {
	return []url.URL{{Scheme: "http", Host: os.Getenv(variable)}}
}

func main() {
	config := embed.NewConfig()
	config.Dir = os.Getenv("ETCD_DIR")
	config.LogLevel = "error"
	config.ListenClientUrls, config.AdvertiseClientUrls = address("ETCD_CLIENT"), address("ETCD_CLIENT")
	config.ListenPeerUrls, config.AdvertisePeerUrls = address("ETCD_PEER"), address("ETCD_PEER")
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	<-etcd.Server.ReadyNotify()
	os.Exit(cli.Run(app.NewAPIServerCommand()))
}
