package check

import (
	"fmt"
	"reflect"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	"sigs.k8s.io/json"
	"sigs.k8s.io/yaml"
)

// kinds are the objects that the chart may make, by their apiVersion and kind.
var kinds = map[string]func() any{
	"apps/v1 Deployment":                      func() any { return new(appsv1.Deployment) },
	"batch/v1 Job":                            func() any { return new(batchv1.Job) },
	"v1 ConfigMap":                            func() any { return new(corev1.ConfigMap) },
	"v1 Service":                              func() any { return new(corev1.Service) },
	"v1 ServiceAccount":                       func() any { return new(corev1.ServiceAccount) },
	"networking.k8s.io/v1 NetworkPolicy":      func() any { return new(networkingv1.NetworkPolicy) },
	"policy/v1 PodDisruptionBudget":           func() any { return new(policyv1.PodDisruptionBudget) },
	"keda.sh/v1alpha1 ScaledObject":           func() any { return new(scaledObject) },
	"monitoring.coreos.com/v1 ServiceMonitor": func() any { return new(serviceMonitor) },
	"monitoring.coreos.com/v1 PrometheusRule": func() any { return new(prometheusRule) },
}

// decode reads documents as the API server would with strict validation: unknown fields, fields given twice and values of
// another type are errors. The types do not say which fields are required, so missing does.
func decode(text string) (objects []any, problems []string) {
	for i, document := range strings.Split("\n"+text, "\n---\n") {
		if strings.TrimSpace(document) == "" {
			continue
		}
		object, wrong := decodeOne([]byte(document))
		for _, p := range wrong {
			problems = append(problems, fmt.Sprintf("document %d: %s", i, p))
		}
		if object != nil {
			objects = append(objects, object)
		}
	}
	return objects, problems
}

func decodeOne(document []byte) (object any, problems []string) {
	var what struct{ APIVersion, Kind string }
	if err := yaml.Unmarshal(document, &what); err != nil {
		return nil, []string{err.Error()}
	}
	name := what.APIVersion + " " + what.Kind
	blank, known := kinds[name]
	if !known {
		return nil, []string{"the chart makes no " + name}
	}
	object = blank()
	if err := strict(document, object); err != nil {
		return nil, []string{name + ": " + err.Error()}
	}
	for _, path := range missing(reflect.ValueOf(object), what.Kind) {
		problems = append(problems, path+" is missing")
	}
	return object, problems
}

// strict decodes YAML into v as the API server does: names of fields count exactly.
func strict(document []byte, v any) error {
	text, err := yaml.YAMLToJSONStrict(document)
	if err != nil {
		return err
	}
	unknown, err := json.UnmarshalStrict(text, v)
	if err != nil {
		return err
	}
	for _, e := range unknown {
		return e
	}
	return nil
}

// missing names the fields without a value whose tag has no omitempty: that is how the API's types mark what is required.
// Numbers and booleans are left out, as their zero may be meant.
func missing(v reflect.Value, path string) []string {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return missing(v.Elem(), path)
	case reflect.Slice:
		var all []string
		for i := range v.Len() {
			all = append(all, missing(v.Index(i), fmt.Sprintf("%s[%d]", path, i))...)
		}
		return all
	case reflect.Struct:
		return missingFields(v, path)
	default:
		return nil
	}
}

func missingFields(v reflect.Value, path string) []string {
	var all []string
	for i := range v.NumField() {
		field := v.Type().Field(i)
		tag := field.Tag.Get("json")
		name, options, _ := strings.Cut(tag, ",")
		if tag == "" || tag == "-" { // of types that decode themselves
			continue
		}
		here := path
		if name != "" {
			here = path + "." + name
		}
		if required(field.Type.Kind()) && options == "" && v.Field(i).IsZero() {
			all = append(all, here)
			continue
		}
		all = append(all, missing(v.Field(i), here)...)
	}
	return all
}

func required(k reflect.Kind) bool {
	return k == reflect.String || k == reflect.Slice || k == reflect.Pointer || k == reflect.Map
}
